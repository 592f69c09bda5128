"""Other values for a step that people are asked about."""
