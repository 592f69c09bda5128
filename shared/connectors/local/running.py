"""One call of ``run`` or ``reattach`` on this machine: takes a claim or attaches to it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Final

import structlog

from shared.connectors.answer import SETTLED, State
from shared.connectors.claim import END_GRACE, TERMINATED, Limits, answering_within
from shared.connectors.local import groups
from shared.connectors.local.folder import Folder, Standing
from shared.connectors.local.keeping import Keeping, Told
from shared.connectors.protocol import (
    Ended,
    Job,
    Lost,
    OnOutput,
    Stream,
    TargetUnusableError,
    Usage,
)
from shared.connectors.transcript import Transcript

log = structlog.get_logger(__name__)

#: Output is looked for this often, and the end of a run that somebody else keeps.
LOOK: Final = timedelta(seconds=0.1)
# A keeper that dies before it started the command is replaced this often.
_KEEPERS_MOST: Final = 3
_LOST: Final = "the command was started and left no exit code: its keeper was killed"
_REMOVED: Final = "the claim was removed while the command was watched"


class Run:
    """A job, the name it signs a claim with, and what it has seen of the outputs."""

    def __init__(
        self, job: Job, command: bytes, base: Path, limits: Limits, on_output: OnOutput | None
    ) -> None:
        self._job = job
        self._command = command
        self._limits = limits
        self._first = Folder(base / job.key, limits.kept // 2)
        self._owner = token_hex(8)
        self._transcript = Transcript.of(limits.kept, on_output)
        self._live = on_output is not None

    async def to_its_end(self, keeping: Keeping, source: bytes | None) -> Ended | Lost:
        """Run the command, or attach to the run that has its claim.

        Raises:
            TargetUnusableError: it cannot be started here; it has not run.
            TargetUnreachableError: it has not ended when it should have.
        """
        async with answering_within(self._job.timeout + END_GRACE):
            for _ in range(_KEEPERS_MOST):
                folder = self._claimed(source)
                told = await self._kept(keeping, folder) if folder else None
                if folder is not None and told is not None and not told.taken:
                    return await self._ended_as(folder, told)
                if folder is not None and told is None:
                    self._given_up(folder)
                result = await self._followed()
                if result is not None:
                    return result
        raise TargetUnusableError("the command was not started: what keeps commands here dies")

    async def attached(self) -> Ended | Lost | None:
        """What became of the command, once it has ended; None where it did not start."""
        folder = self._first.latest()
        if folder.standing().state in (State.ABSENT, State.VOID, State.UNSTARTED):
            return None
        async with answering_within(self._job.timeout + END_GRACE):
            return await self._followed()

    def _claimed(self, source: bytes | None) -> Folder | None:
        """A new claim with the command in it, or None where there is one already."""
        path = self._first.path
        try:
            while (mine := Folder.claimed(path, self._first.head)) is None:
                there = Folder(path, self._first.head)
                if there.standing().state is not State.VOID:
                    return None
                path = there.next_path
            mine.write("command", self._command)
            if source is not None:
                mine.write("source", source)
        except OSError as error:
            raise TargetUnusableError(f"the command was not started: mkdir: {error}") from error
        return mine

    async def _kept(self, keeping: Keeping, folder: Folder) -> Told | None:
        keeper = asyncio.ensure_future(
            keeping.run(
                folder.path,
                owner=self._owner,
                seconds=self._job.timeout.total_seconds(),
                limit=self._limits.file,
                head=folder.head,
                quick=False,
            )
        )
        try:
            while self._live:
                await asyncio.wait({keeper}, timeout=LOOK.total_seconds())
                if keeper.done():
                    break
                await self._absorb(folder)
            return await keeper
        finally:
            keeper.cancel()

    async def _followed(self) -> Ended | Lost | None:
        """Watch a claim until its command ended; None where it has not started and may be anew."""
        patience = monotonic() + self._limits.start_grace.total_seconds()
        while True:
            folder = self._first.latest()
            standing = folder.standing()
            if standing.state is State.UNSTARTED and monotonic() >= patience:
                standing = self._given_up(folder)
            if standing.state is State.VOID:
                return None
            await self._absorb(folder)
            if standing.state is State.ABSENT or standing.state in SETTLED:
                return await self._outcome(folder, standing)
            await asyncio.sleep(LOOK.total_seconds())

    def _given_up(self, folder: Folder) -> Standing:
        """Take the start away from a claim whose starter is gone."""
        log.warning("claim.given_up", key=self._job.key)
        if folder.start_as(State.VOID, self._owner):
            return Standing(State.VOID)
        standing = folder.standing()
        # Somebody began to sign and died: whether the command ran cannot be known.
        return Standing(State.GONE) if standing.state is State.UNSTARTED else standing

    async def _ended_as(self, folder: Folder, told: Told) -> Ended:
        if told.failed:
            raise TargetUnusableError(f"the command was not started: {told.failed}")
        await self._absorb(folder)
        await self._transcript.finish()
        return Ended(
            told.code,
            *self._texts(),
            timed_out=told.timed_out,
            cancelled=told.cancelled,
            usage=Usage(timedelta(seconds=told.cpu), told.memory),
        )

    async def _outcome(self, folder: Folder, standing: Standing) -> Ended | Lost:
        await self._transcript.finish()
        match standing.state:
            case State.CANCELLED:
                return Ended(TERMINATED, *self._texts(), cancelled=True)
            case State.ENDED:
                return Ended(
                    standing.exit_code,
                    *self._texts(),
                    timed_out=folder.is_marked("timed_out"),
                    reattached=standing.owner != self._owner,
                    cancelled=folder.is_marked("cancelled"),
                    usage=folder.usage(),
                )
        reason = _REMOVED if standing.state is State.ABSENT else _LOST
        if standing.group and groups.lives(standing.group):
            reason += f"; what it started still runs there as process group {standing.group}"
        return Lost(reason, *self._texts())

    async def _absorb(self, folder: Folder) -> None:
        for name, stream in (
            (Stream.STDOUT, self._transcript.stdout),
            (Stream.STDERR, self._transcript.stderr),
        ):
            for piece in folder.pieces(name, stream.offset):
                await stream.absorb(piece.start, piece.data)

    def _texts(self) -> tuple[str, str]:
        return self._transcript.stdout.text(), self._transcript.stderr.text()
