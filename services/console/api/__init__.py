"""The REST API: what every part of it has in common."""
