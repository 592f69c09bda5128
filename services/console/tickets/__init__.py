"""Tickets through the API, for reading."""
