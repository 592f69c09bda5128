"""Slack: questions with buttons, answers that are checked, and threads that tell the outcome."""
