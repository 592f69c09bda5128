"""Judges tickets: false alarm or real, how bad, and why."""
