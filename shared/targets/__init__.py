"""Targets by their names and by what alerts call them, and what may be done on them."""
