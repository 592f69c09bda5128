"""Who saw a question, who pressed what, and what came of it."""
