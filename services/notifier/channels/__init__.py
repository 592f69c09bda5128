"""The ways on which people are asked and told: one module a channel."""
