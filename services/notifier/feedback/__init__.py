"""Feedback: whether people say that a problem was fixed."""
