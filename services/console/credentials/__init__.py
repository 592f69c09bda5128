"""Credentials through the API: put in, never given out."""
