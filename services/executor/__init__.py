"""Runs plans on real targets: each step once, whatever dies in the middle."""
