"""HTTP APIs: typed requests to one declared host, and nowhere else."""

from shared.connectors.http.connector import HttpConnector

__all__ = ["HttpConnector"]
