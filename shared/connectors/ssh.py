"""Hosts over SSH: one kept connection, a pinned host key, and no credentials but the given ones."""

from datetime import timedelta

import asyncssh

from shared.config import SshTarget
from shared.connectors import reading
from shared.connectors.claim import Claims, Limits
from shared.connectors.protocol import DryRun, Ended, Job, Lost, OnOutput, TargetUnusableError
from shared.connectors.sshlink import Link, Login
from shared.connectors.sshshell import SshShell


class SshConnector:
    """Runs jobs on one host. Their claims lie in the login's state directory there."""

    def __init__(self, login: Login, *, base: str = "", limits: Limits | None = None) -> None:
        self._link = Link(login)
        self._shell = SshShell(self._link)
        self._claims = Claims(self._shell, base=base, limits=limits)

    async def run(
        self, job: Job, *, on_output: OnOutput | None = None, source: bytes | None = None
    ) -> Ended | Lost:
        """See ``Connector.run``. ``source`` lies beside the command, as ``$0/source``."""
        return await self._claims.run(job, on_output, source)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        return await self._claims.reattach(job, on_output)

    async def cancel(self, key: str) -> bool:
        return await self._claims.cancel(key)

    async def dry_run(self, job: Job) -> DryRun | None:  # noqa: ARG002 a shell has none
        return None

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept at the target
        return await reading.read(self._shell, command, timeout)

    async def close(self) -> None:
        await self._claims.close()
        await self._link.close()


def login_of(name: str, target: SshTarget) -> Login:
    """The login that a target's section of ``handrail.yaml`` describes, its secrets read.

    Raises:
        SettingsError: a secret is not where it should be.
        TargetUnusableError: a key cannot be used; says which and why.
    """
    try:
        host_key = asyncssh.import_public_key(target.host_key)
    except asyncssh.KeyImportError as error:
        raise TargetUnusableError(f"targets.{name}.host_key is no public key: {error}") from error
    return Login(
        host=target.host,
        port=target.port,
        user=target.user,
        host_key=host_key,
        key=_private_key(name, target),
        password=target.password.read().get_secret_value() if target.password else None,
    )


def _private_key(name: str, target: SshTarget) -> asyncssh.SSHKey | None:
    if target.key is None:
        return None
    passphrase = target.passphrase.read().get_secret_value() if target.passphrase else None
    try:
        return asyncssh.import_private_key(target.key.read().get_secret_value(), passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise TargetUnusableError(f"targets.{name}.key cannot be used: {error}") from error
