"""Routes: whom a question goes to, when, and that each is told once."""
