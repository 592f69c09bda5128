"""The independent processes of Handrail; none imports another."""
