"""Hosts over SSH, as targets."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from shared.config.targets.target import AnyTarget
from shared.secrets import SecretRef


class SshTarget(AnyTarget):
    """A host that is reached over SSH; its host key is pinned, so that a changed one is refused."""

    connector: Literal["ssh"]
    host: str
    port: int = Field(22, ge=1, le=65535)
    user: str
    host_key: Annotated[str, Field(description="As in known_hosts: `ssh-ed25519 AAAA…`.")]
    key: SecretRef | None = None
    passphrase: SecretRef | None = None
    password: SecretRef | None = None

    @field_validator("host_key")
    @classmethod
    def _is_public_key(cls, value: str) -> str:
        if len(value.split()) < 2:  # noqa: PLR2004 a type and a key
            raise ValueError("a host key has a type and a key: `ssh-ed25519 AAAA…`")
        return value

    @model_validator(mode="after")
    def _some_credential(self) -> "SshTarget":
        if self.key is None and self.password is None:
            raise ValueError("a key or a password is needed to log in")
        return self
