"""Windows hosts over WinRM, as targets."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from shared.config.targets.target import AnyTarget
from shared.secrets import SecretRef


class WinrmTarget(AnyTarget):
    """A host that is reached over WinRM with HTTPS; its certificate is checked always."""

    connector: Literal["winrm"]
    host: str
    port: int = Field(5986, ge=1, le=65535)
    user: Annotated[str, Field(description="As `deploy`, `WEB-1\\deploy` or `deploy@EXAMPLE.COM`.")]
    password: SecretRef
    auth: Literal["negotiate", "kerberos", "ntlm", "basic"] = "negotiate"
    ca: Annotated[
        Path | None, Field(description="A file of CA certificates, instead of the usual ones.")
    ] = None
