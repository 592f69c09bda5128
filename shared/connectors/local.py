"""The machine that the executor itself runs on."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.connectors import reading
from shared.connectors.claim import Claims, Limits
from shared.connectors.protocol import (
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnreachableError,
)
from shared.connectors.shell import Output
from shared.connectors.transcript import Capped

# As a login over SSH would have: the executor's own environment holds its secrets.
_ENVIRONMENT: Final = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR")
_READ: Final = 256 * 1024


class LocalConnector:
    """Runs jobs on this machine; ``base`` is the directory that keeps their claims.

    ``environment`` is what commands find beside the usual; it is written down nowhere.
    """

    def __init__(
        self,
        base: Path,
        *,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._shell = LocalShell(environment or {})
        self._claims = Claims(self._shell, base=str(base.absolute()), limits=limits)

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        return await self._claims.run(job, on_output)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        return await self._claims.reattach(job, on_output)

    async def cancel(self, key: str) -> bool:
        return await self._claims.cancel(key)

    async def dry_run(self, job: Job) -> DryRun | None:  # noqa: ARG002 a shell has none
        return None

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept by the script
        return await reading.read(self._shell, command, timeout)

    async def close(self) -> None:
        await self._claims.close()


class LocalShell:
    """Programs as subprocesses, each in a session of its own: Ctrl-C here is not for them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    @property
    def patience(self) -> timedelta | None:
        return None

    async def __call__(self, argv: Sequence[str], *, kept: int, stdin: bytes = b"") -> Output:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._usual() | dict(self._environment),
                start_new_session=True,
            )
        except OSError as error:
            reason = f"no process can be started here: {error}"
            raise TargetUnreachableError(reason, may_have_started=False) from error
        stdout, stderr = Capped(kept), Capped(kept)
        try:
            await asyncio.gather(
                _collect(process.stdout, stdout),
                _collect(process.stderr, stderr),
                _feed(process.stdin, stdin),
            )
            code = await process.wait()
        except asyncio.CancelledError:
            # Only the shell that watches: the run itself is in a session of its own.
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return Output(stdout, stderr, code if code >= 0 else None)

    def _usual(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


async def _collect(reader: asyncio.StreamReader | None, into: Capped) -> None:
    while reader is not None and (data := await reader.read(_READ)):
        into.feed(data)


async def _feed(writer: asyncio.StreamWriter | None, data: bytes) -> None:
    if writer is not None:
        with suppress(BrokenPipeError, ConnectionResetError):
            writer.write(data)
            await writer.drain()
        writer.close()
