"""Jobs on the machine that the executor itself runs on, under claims as on any other."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.connectors.claim import KEEP_CLAIMS, Limits
from shared.connectors.local.cancelling import cancelled
from shared.connectors.local.folder import Folder, sweep
from shared.connectors.local.keeping import Keeping
from shared.connectors.local.running import Run
from shared.connectors.protocol import (
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    Stream,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.sendable import sendable
from shared.connectors.transcript import Capped

_READ_KEPT: Final = 256 * 1024


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
        self._base = base.absolute()
        self._limits = limits or Limits()
        self._keeping = Keeping(environment or {})
        self._sweeping: asyncio.Task[None] | None = None

    async def run(
        self, job: Job, *, on_output: OnOutput | None = None, source: bytes | None = None
    ) -> Ended | Lost:
        """See ``Connector.run``. ``source`` lies beside the command, as ``$0/source``."""
        result = await self._run(job, on_output).to_its_end(self._keeping, source)
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep())
        return result

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        return await self._run(job, on_output).attached()

    async def cancel(self, key: str) -> bool:
        return await cancelled(Folder(self._base / key, self._limits.kept // 2))

    async def dry_run(self, job: Job) -> DryRun | None:  # noqa: ARG002 a shell has none
        return None

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept by the keeper
        folder = _reading(sendable(command))
        try:
            told = await self._keeping.run(
                folder.path,
                owner="reader",
                seconds=timeout.total_seconds(),
                limit=self._limits.file,
                head=folder.head,
                quick=True,
            )
            if told is None or told.failed:
                reason = f"no process can be started here: {told.failed if told else 'killed'}"
                raise TargetUnreachableError(reason, may_have_started=told is None)
            if told.timed_out:
                raise TargetUnreachableError(f"no end after {timeout}", may_have_started=True)
            return Ended(told.code, _read(folder, Stream.STDOUT), _read(folder, Stream.STDERR))
        finally:
            shutil.rmtree(folder.path, ignore_errors=True)

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping
        await self._keeping.close()

    def _run(self, job: Job, on_output: OnOutput | None) -> Run:
        return Run(job, sendable(job.command), self._base, self._limits, on_output)

    async def _sweep(self) -> None:
        await asyncio.to_thread(sweep, self._base, time.time() - KEEP_CLAIMS.total_seconds())


def _reading(command: bytes) -> Folder:
    try:
        folder = Folder(Path(tempfile.mkdtemp(prefix="handrail-read-")), _READ_KEPT // 2)
        folder.write("command", command)
    except OSError as error:
        raise TargetUnusableError(f"no file can be written here: {error}") from error
    return folder


def _read(folder: Folder, stream: Stream) -> str:
    capped = Capped(_READ_KEPT)
    for piece in folder.pieces(stream, 0):
        capped.skip(max(0, piece.start - capped.total))
        capped.feed(piece.data)
    return capped.text()
