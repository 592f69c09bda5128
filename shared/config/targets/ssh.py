"""Hosts over SSH, as targets."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from shared.config.section import Section
from shared.config.targets.target import AnyTarget
from shared.secrets import SecretRef

UserName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.@-]{0,63}\$?$")]


class Sudo(Section):
    """As whom commands run; without a password sudo must not ask for one."""

    user: UserName = "root"
    password: SecretRef | None = None


class SshTarget(AnyTarget):
    """A host that is reached over SSH; its host key is pinned, so that a changed one is refused."""

    connector: Literal["ssh"]
    host: str
    port: int = Field(22, ge=1, le=65535)
    user: str
    host_key: Annotated[
        str | None, Field(description="As in known_hosts: `ssh-ed25519 AAAA…`.")
    ] = None
    known_hosts: Annotated[
        Path | None, Field(description="A file as OpenSSH keeps it, instead of one host key.")
    ] = None
    key: SecretRef | None = None
    passphrase: SecretRef | None = None
    certificate: Annotated[
        SecretRef | None, Field(description="What a CA made of the key: `…-cert.pub`.")
    ] = None
    password: SecretRef | None = None
    agent: Annotated[
        bool, Field(description="Use the keys of the agent at the executor's SSH_AUTH_SOCK.")
    ] = False
    via: Annotated[
        str | None, Field(description="The ssh target through which this one is reached.")
    ] = None
    sudo: Annotated[
        bool | Sudo, Field(description="Run commands as root, or as somebody else.")
    ] = False

    @field_validator("host_key")
    @classmethod
    def _is_public_key(cls, value: str | None) -> str | None:
        if value is not None and len(value.split()) < 2:  # noqa: PLR2004 a type and a key
            raise ValueError("a host key has a type and a key: `ssh-ed25519 AAAA…`")
        return value

    @model_validator(mode="after")
    def _known(self) -> "SshTarget":
        if (self.host_key is None) == (self.known_hosts is None):
            raise ValueError("one of host_key and known_hosts is needed, to know the host by")
        return self

    @model_validator(mode="after")
    def _some_credential(self) -> "SshTarget":
        if self.key is None and self.password is None and not self.agent:
            raise ValueError("a key, a password or an agent is needed to log in")
        if self.certificate is not None and self.key is None:
            raise ValueError("a certificate is of a key: give the key as well")
        return self

    @property
    def sudo_as(self) -> Sudo | None:
        """As whom commands run, if not as who logs in."""
        if isinstance(self.sudo, Sudo):
            return self.sudo
        return Sudo() if self.sudo else None


def via_mistakes(targets: Mapping[str, AnyTarget]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where ``via`` names what is no ssh target, or leads back to where it began."""
    for name, target in targets.items():
        if not isinstance(target, SshTarget) or target.via is None:
            continue
        if not isinstance(targets.get(target.via), SshTarget):
            ssh = ", ".join(sorted(n for n, each in targets.items() if isinstance(each, SshTarget)))
            yield (name, "via"), f"{target.via!r} is no ssh target; there are: {ssh}"
        elif name in _passed(target, targets):
            yield (name, "via"), "this way leads back to the target itself: it is never reached"


def _passed(target: SshTarget, targets: Mapping[str, AnyTarget]) -> list[str]:
    """The targets on the way to one, each once."""
    passed: list[str] = []
    while target.via is not None and target.via not in passed:
        passed.append(target.via)
        before = targets.get(target.via)
        if not isinstance(before, SshTarget):
            break
        target = before
    return passed
