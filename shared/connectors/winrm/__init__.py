"""Windows hosts over WinRM, always over HTTPS."""

from shared.connectors.winrm.connector import WinrmConnector

__all__ = ["WinrmConnector"]
