"""Outcomes of tickets: whom they are told by routes, and when."""
