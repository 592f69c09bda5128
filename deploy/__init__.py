"""How Handrail is run: the command, the local stack, the demo."""
