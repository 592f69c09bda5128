"""The connectors, on real targets."""
