"""Finds the runbook for a ticket and makes a plan of it."""
