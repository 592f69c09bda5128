"""How to log in to a host: the section of ``handrail.yaml`` with its secrets read."""

import os
from dataclasses import dataclass, field

import asyncssh

from shared.config import SshTarget
from shared.connectors.protocol import TargetUnusableError

#: What asyncssh calls a list of host keys: those known, those of CAs, those revoked.
HostKeys = tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]


@dataclass(frozen=True)
class SudoLogin:
    """As whom commands run. Without a password sudo must not ask for one."""

    user: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Login:
    """Where to log in, as whom, with what, and by which host keys the host is known.

    Exactly one of ``host_key`` and ``known_hosts`` is there. ``agent`` is the path of a socket.
    """

    host: str
    port: int
    user: str
    host_key: asyncssh.SSHKey | None = None
    known_hosts: asyncssh.SSHKnownHosts | None = None
    key: asyncssh.SSHKey | None = field(default=None, repr=False)
    certificate: asyncssh.SSHCertificate | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    agent: str | None = None
    sudo: SudoLogin | None = None

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"

    @property
    def offered(self) -> str:
        """What is shown to the server, for people."""
        kinds = {
            "this certificate": self.certificate,
            "this key": self.key,
            "the agent's keys": self.agent,
            "this password": self.password,
        }
        return " nor ".join(kind for kind, value in kinds.items() if value is not None)


def login_of(name: str, target: SshTarget) -> Login:
    """The login that a target's section of ``handrail.yaml`` describes, its secrets read.

    Raises:
        SettingsError: a secret is not where it should be.
        TargetUnusableError: a key, certificate or file cannot be used; says which and why.
    """
    sudo = target.sudo_as
    return Login(
        host=target.host,
        port=target.port,
        user=target.user,
        host_key=_host_key(name, target),
        known_hosts=_known_hosts(name, target),
        key=_private_key(name, target),
        certificate=_certificate(name, target),
        password=target.password.read().get_secret_value() if target.password else None,
        agent=_agent(name) if target.agent else None,
        sudo=SudoLogin(
            sudo.user, sudo.password.read().get_secret_value() if sudo.password else None
        )
        if sudo
        else None,
    )


def _host_key(name: str, target: SshTarget) -> asyncssh.SSHKey | None:
    if target.host_key is None:
        return None
    try:
        return asyncssh.import_public_key(target.host_key)
    except asyncssh.KeyImportError as error:
        raise TargetUnusableError(f"targets.{name}.host_key is no public key: {error}") from error


def _known_hosts(name: str, target: SshTarget) -> asyncssh.SSHKnownHosts | None:
    if target.known_hosts is None:
        return None
    try:
        return asyncssh.import_known_hosts(target.known_hosts.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TargetUnusableError(
            f"targets.{name}.known_hosts cannot be used: {target.known_hosts}: {error}"
        ) from error


def _private_key(name: str, target: SshTarget) -> asyncssh.SSHKey | None:
    if target.key is None:
        return None
    passphrase = target.passphrase.read().get_secret_value() if target.passphrase else None
    try:
        return asyncssh.import_private_key(target.key.read().get_secret_value(), passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise TargetUnusableError(f"targets.{name}.key cannot be used: {error}") from error


def _certificate(name: str, target: SshTarget) -> asyncssh.SSHCertificate | None:
    if target.certificate is None:
        return None
    try:
        return asyncssh.import_certificate(target.certificate.read().get_secret_value())
    except asyncssh.KeyImportError as error:
        raise TargetUnusableError(f"targets.{name}.certificate cannot be used: {error}") from error


def _agent(name: str) -> str:
    path = os.environ.get("SSH_AUTH_SOCK")
    if not path:
        raise TargetUnusableError(
            f"targets.{name}.agent: SSH_AUTH_SOCK is not set where this runs: start an agent there"
        )
    return path
