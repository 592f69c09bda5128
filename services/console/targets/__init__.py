"""Targets through the API."""
