"""Telegram: questions with inline buttons, by a webhook or by asking for updates."""
