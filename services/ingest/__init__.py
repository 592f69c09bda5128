"""Verifies senders, normalises alerts, and makes tickets of them."""
