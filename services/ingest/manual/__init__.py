"""Tickets that people and programs open themselves, without a monitoring system."""
