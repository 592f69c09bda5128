"""Maintenance windows: whose alerts are recorded and closed, and looked at again afterwards."""
