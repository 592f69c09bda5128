"""What old alerts would lead to today: the services' own rules over tickets in memory."""
