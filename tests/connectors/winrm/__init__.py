"""The winrm connector, against a host that speaks the wire format and only plays PowerShell."""
