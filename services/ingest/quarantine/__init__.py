"""What verified senders sent and nobody understood: kept, shown, and tried again."""
