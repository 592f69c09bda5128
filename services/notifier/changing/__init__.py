"""Approve with changes: other values for a step, shown before they are sent for good."""
