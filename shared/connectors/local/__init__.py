"""The machine that the executor itself runs on."""

from shared.connectors.local.connector import LocalConnector

__all__ = ["LocalConnector"]
