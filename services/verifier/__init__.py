"""Checks that a problem is gone, and says so or calls a person."""
