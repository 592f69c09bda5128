"""Hosts over SSH: one kept connection, a pinned host key, and no credentials but the given ones."""

from datetime import timedelta

from shared.connectors import reading
from shared.connectors.claim import Claims, Limits
from shared.connectors.protocol import DryRun, Ended, Job, Lost, OnOutput
from shared.connectors.sshlink import Link
from shared.connectors.sshshell import SshShell


class SshConnector:
    """Runs jobs on one host. Their claims lie in the login's state directory there."""

    def __init__(self, link: Link, *, base: str = "", limits: Limits | None = None) -> None:
        self._link = link
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
