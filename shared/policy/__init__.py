"""Who may say yes to a step, and which steps never run: rules, facts, and what they come to."""
