"""Databases: one statement a step, its values bound, its key recorded in the same transaction."""

from shared.connectors.sql.connector import SqlConnector

__all__ = ["SqlConnector"]
