"""Every accepted alert, kept for a time and found again."""
