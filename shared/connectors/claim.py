"""Runs a job under a claim on its target, so that it runs once however often it is asked for.

The claim is a directory named after the job's key: ``mkdir`` lets exactly one attempt win. A
wrapper that outlives everybody who watches runs the command there, keeps its timeout, and writes
its outputs and exit code. Whoever comes later reads the same.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from secrets import token_hex
from time import monotonic
from typing import Final

import stamina
import structlog

from shared.connectors.answer import Answer, Piece, State, parsed
from shared.connectors.protocol import (
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnreachableError,
    TargetUnusableError,
    Usage,
)
from shared.connectors.scripts import script
from shared.connectors.sendable import sendable
from shared.connectors.shell import ARGUMENT_MOST, Output, Shell
from shared.connectors.transcript import StreamTranscript, Transcript

log = structlog.get_logger(__name__)

#: Output is looked for while the command runs from this time on, ``NAPS`` tenths of a second apart.
LIVE_AFTER: Final = timedelta(seconds=0.5)
NAPS: Final = 5
#: The same for a run that nobody listens to: only its end is waited for.
NAPS_UNHEARD: Final = 20
PIECE: Final = 1024 * 1024
#: What ending a process group, and reading what it wrote, may take beyond a job's timeout.
END_GRACE: Final = timedelta(seconds=30)
KEEP_CLAIMS: Final = timedelta(days=7)
SWEEP_WAIT: Final = timedelta(seconds=1)

_BLOCK: Final = 512
_NOT_STARTED: Final = (State.ABSENT, State.VOID, State.UNSTARTED)
_NOTHING_TO_COME: Final = (State.ABSENT, State.VOID, State.GONE, State.CANCELLED)
#: What a shell says of a command that SIGTERM ended.
TERMINATED: Final = 143


@dataclass(frozen=True)
class Limits:
    """How far a run may go.

    Of each output, a result keeps ``kept`` bytes and ``file`` bytes may lie on the target. A claim
    may stand without its command for ``start_grace`` before it is given up.
    """

    kept: int = 256 * 1024
    file: int = 64 * 1024 * 1024
    start_grace: timedelta = timedelta(seconds=5)


@dataclass
class _Run:
    """One call of ``run``: its job, the name it signs a claim with, and what it has seen."""

    job: Job
    command: bytes
    transcript: Transcript
    live: bool
    owner: str = field(default_factory=lambda: token_hex(8))
    unstarted_since: float | None = None
    may_have_started: bool = False
    source: bytes | None = None

    @property
    def allowed(self) -> timedelta:
        return self.job.timeout + END_GRACE


class Claims:
    """Jobs under claims, on one target. An empty ``base`` is the user's state directory there."""

    def __init__(self, shell: Shell, *, base: str = "", limits: Limits | None = None) -> None:
        self._shell = shell
        self._base = base
        self._limits = limits or Limits()
        self._sweeping: asyncio.Task[None] | None = None

    async def run(
        self, job: Job, on_output: OnOutput | None, source: bytes | None = None
    ) -> Ended | Lost:
        """See ``Connector.run``. ``source`` lies beside the command, as ``$0/source``."""
        run = self._begun(job, on_output)
        run.source = source
        async for attempt in _while_it_may_live(run):
            with attempt:
                async with _answering(run):
                    result = await self._attempt(run)
        self._sweep_once()
        return result

    async def reattach(self, job: Job, on_output: OnOutput | None) -> Ended | Lost | None:
        """See ``Connector.reattach``. A claim without its command is left to ``run``."""
        run = self._begun(job, on_output)
        run.may_have_started = True
        async for attempt in _while_it_may_live(run):
            with attempt:
                async with _answering(run):
                    answer = await self._look(run, 0)
                    if answer.state in _NOT_STARTED:
                        return None
                    if not self._is_all(answer):
                        answer = await self._followed(run)
        await run.transcript.finish()
        return _result(run, answer)

    async def cancel(self, key: str) -> bool:
        """See ``Connector.cancel``."""
        owner = token_hex(8)
        async for attempt in stamina.retry_context(
            on=TargetUnreachableError, attempts=None, timeout=END_GRACE, wait_jitter=0.2
        ):
            with attempt:
                async with answering_within(END_GRACE):
                    answer = await self._ask("cancel", key, owner)
        log.info("claim.cancelled", key=key, state=answer.state)
        return answer.is_settled and answer.group == 0

    async def close(self) -> None:
        if self._sweeping is not None:
            # It only starts something in the background: no need to break it off half-way.
            await asyncio.wait({self._sweeping}, timeout=SWEEP_WAIT.total_seconds())
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    def _begun(self, job: Job, on_output: OnOutput | None) -> _Run:
        transcript = Transcript.of(self._limits.kept, on_output)
        return _Run(job, sendable(job.command), transcript, live=on_output is not None)

    async def _attempt(self, run: _Run) -> Ended | Lost:
        while True:
            answer, trouble = await self._launched(run)
            if answer is None or not self._is_all(answer):
                answer = await self._followed(run)
            if answer.state is State.ABSENT and trouble is not None:
                raise TargetUnusableError(f"the target does not run programs: {trouble}")
            if answer.state is not State.VOID:
                await run.transcript.finish()
                return _result(run, answer)

    async def _launched(self, run: _Run) -> tuple[Answer | None, str | None]:
        """The answer of the launching script, or else what the target said instead of one."""
        launching = asyncio.create_task(self._launch(run))
        try:
            if run.live:
                await asyncio.wait({launching}, timeout=LIVE_AFTER.total_seconds())
                while not launching.done():
                    await self._look_beside(run, launching)
            output = await launching
        finally:
            launching.cancel()
            await asyncio.gather(launching, return_exceptions=True)
        answer = parsed(output)
        if answer is None:
            return None, output.stderr.text().strip() or output.stdout.text().strip()
        if answer.state is State.FAILED:
            raise TargetUnusableError(f"the command was not started: {_trouble(output)}")
        await _absorb(run, answer)
        return answer, None

    async def _launch(self, run: _Run) -> Output:
        into, sent, command = "", b"", run.command.decode()
        if run.source is not None:
            into, sent = "source", run.source
        elif len(run.command) > ARGUMENT_MOST:
            into, sent, command = "command", run.command, ""
        patience = self._shell.patience
        return await self._shell(
            (
                *("sh", "-c", script("launch"), f"handrail-ask:{run.job.key}:"),
                *(self._base, run.job.key, run.owner, _hundredths(run.job.timeout)),
                *(str(self._limits.file // _BLOCK), self._head, str(self._limits.kept + 1)),
                _hundredths(patience) if patience else "0",
                *(into, str(len(sent)), command, script("wrap")),
            ),
            kept=4 * PIECE,
            stdin=sent,
        )

    async def _followed(self, run: _Run) -> Answer:
        """Watch a claim until its command ended or cannot start any more."""
        while True:
            answer = await self._look(run, NAPS if run.live else NAPS_UNHEARD)
            if answer.state is State.UNSTARTED:
                answer = await self._given_up(run, answer)
            if answer.state in _NOTHING_TO_COME or self._is_all(answer):
                return answer

    async def _given_up(self, run: _Run, answer: Answer) -> Answer:
        """After a grace, take the start away from a claim whose launcher died before it."""
        run.unstarted_since = run.unstarted_since or monotonic()
        if monotonic() - run.unstarted_since < self._limits.start_grace.total_seconds():
            return answer
        given_up = await self._ask("void", run.job.key, run.owner)
        log.warning("claim.given_up", key=run.job.key, state=given_up.state)
        if given_up.state is State.UNSTARTED:
            # Somebody began to write its pid and died: whether the command ran cannot be known.
            return replace(answer, state=State.GONE)
        return given_up

    async def _look(self, run: _Run, naps: int) -> Answer:
        answer = await self._looked(run, naps)
        await _absorb(run, answer)
        return answer

    async def _looked(self, run: _Run, naps: int) -> Answer:
        out, err = run.transcript.stdout.offset, run.transcript.stderr.offset
        return await self._ask(
            "look", run.job.key, str(out), str(err), self._head, str(PIECE), str(naps)
        )

    async def _look_beside(self, run: _Run, launching: asyncio.Task[Output]) -> None:
        """Look what the command wrote, unless its launcher tells of its end before."""
        looking = asyncio.create_task(self._looked(run, NAPS))
        try:
            await asyncio.wait({looking, launching}, return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                await _absorb(run, looking.result())
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def _ask(self, name: str, key: str, *arguments: str) -> Answer:
        argv = ("sh", "-c", script(name), f"handrail-ask:{key}:", self._base, key, *arguments)
        output = await self._shell(argv, kept=4 * PIECE)
        answer = parsed(output)
        if answer is None:
            reason = f"no answer about {key}: {_trouble(output)}"
            raise TargetUnreachableError(reason, may_have_started=True)
        return answer

    def _is_all(self, answer: Answer) -> bool:
        limit = min(self._limits.kept + 1, PIECE)
        return answer.is_settled and answer.stdout.is_last(limit) and answer.stderr.is_last(limit)

    def _sweep_once(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        # find counts whole days that have passed.
        days = str(KEEP_CLAIMS.days - 1)
        try:
            await self._shell(
                ("sh", "-c", script("sweep"), "handrail-sweep", self._base, days), kept=PIECE
            )
        except TargetUnreachableError as error:
            log.info("claims.not_swept", reason=str(error))

    @property
    def _head(self) -> str:
        return str(self._limits.kept // 2)


def _while_it_may_live(run: _Run) -> AsyncIterator[stamina.Attempt]:
    return aiter(
        stamina.retry_context(
            on=TargetUnreachableError,
            attempts=None,
            timeout=run.allowed,
            wait_initial=0.1,
            wait_max=5.0,
            wait_jitter=0.2,
        )
    )


@asynccontextmanager
async def _answering(run: _Run) -> AsyncIterator[None]:
    """What one attempt may have started is remembered when the next one does not get that far."""
    try:
        async with answering_within(run.allowed):
            yield
    except TargetUnreachableError as error:
        run.may_have_started |= error.may_have_started
        error.may_have_started = run.may_have_started
        raise


@asynccontextmanager
async def answering_within(allowed: timedelta) -> AsyncIterator[None]:
    """Nobody waits for ever.

    Raises:
        TargetUnreachableError: the time is up.
    """
    try:
        async with asyncio.timeout(allowed.total_seconds()):
            yield
    except TimeoutError as error:
        reason = "the target did not say in time how the command ended"
        raise TargetUnreachableError(reason, may_have_started=True) from error


async def _absorb(run: _Run, answer: Answer) -> None:
    for stream, piece in _pieces(run, answer):
        if piece.start >= 0:
            await stream.absorb(piece.start, piece.data)


def _pieces(run: _Run, answer: Answer) -> tuple[tuple[StreamTranscript, Piece], ...]:
    transcript = run.transcript
    return (transcript.stdout, answer.stdout), (transcript.stderr, answer.stderr)


def _result(run: _Run, answer: Answer) -> Ended | Lost:
    stdout, stderr = run.transcript.stdout.text(), run.transcript.stderr.text()
    if answer.state is State.CANCELLED:
        return Ended(TERMINATED, stdout, stderr, cancelled=True)
    if answer.state is State.ENDED:
        return Ended(
            answer.exit_code,
            stdout,
            stderr,
            timed_out=answer.timed_out,
            reattached=answer.owner != run.owner,
            cancelled=answer.cancelled,
            usage=None if answer.cpu is None else Usage(answer.cpu),
        )
    reason = "the command was started and left no exit code: it was killed or the target restarted"
    if answer.state is State.ABSENT:
        reason = "the claim was removed from the target while the command was watched"
    if answer.group:
        reason += f"; what it started still runs there as process group {answer.group}"
    return Lost(reason, stdout, stderr)


def _trouble(output: Output) -> str:
    said = output.stderr.text().replace("\x1ehandrail\n", "").strip()
    return said or "the target did not say why"


def _hundredths(time: timedelta) -> str:
    return str(max(1, round(time.total_seconds() * 100)))
