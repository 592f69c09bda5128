"""Tickets that a person ends."""
