"""Secrets that Handrail keeps itself, encrypted, or fetches from Vault; handed out by name."""
