"""Asks people for their yes or no, records it once, and tells them how it ended."""
