"""PowerShell commands on Windows hosts, each under a claim, so that it runs once."""

from base64 import b64decode
from collections.abc import Awaitable, Callable
from datetime import timedelta
from secrets import token_hex
from time import monotonic
from typing import Any, Final, TypeVar

import stamina
import structlog

from shared.connectors.answer import SETTLED, State
from shared.connectors.claim import END_GRACE, TERMINATED, answering_within
from shared.connectors.protocol import (
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.sendable import sendable
from shared.connectors.transcript import StreamTranscript, Transcript
from shared.connectors.winrm.session import Access, PowerShell, wrapper

log = structlog.get_logger(__name__)

KEPT: Final = 256 * 1024
#: How long a look waits on the host for the end, where somebody listens and where nobody does.
WAIT: Final = timedelta(seconds=1)
WAIT_UNHEARD: Final = timedelta(seconds=5)
#: A claim may stand so long without its command: Windows takes its time to start a process.
START_GRACE: Final = timedelta(seconds=30)

_Result = TypeVar("_Result")
_STREAMS: Final = ("stdout", "stderr")
# What one answer has of a stream at most.
_PIECE: Final = 64 * 1024
_NOT_STARTED: Final = (State.ABSENT, State.UNSTARTED)
_GONE: Final = "the command was started and left no exit code: it was killed or the host restarted"
_NEVER: Final = "the command was taken on and did not start: what it did cannot be known"


class WinrmConnector:
    """Runs jobs on one host. Their claims lie in ``Handrail/steps`` under ProgramData."""

    def __init__(self, access: Access) -> None:
        self._powershell = PowerShell(access)

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        watch = _Watch(self._powershell, job, on_output)
        return await _patiently(job.timeout, watch.run)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        watch = _Watch(self._powershell, job, on_output)
        return await _patiently(job.timeout, watch.attach)

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept at the target
        sendable(command)

        async def reading() -> dict[str, Any]:
            return await self._powershell.ask(
                "read", key="read", command=command, seconds=timeout.total_seconds()
            )

        answer = await _patiently(timeout, reading)
        if answer["timed_out"]:
            raise TargetUnreachableError(f"no end after {timeout}", may_have_started=True)
        stdout, stderr = (_bytes(answer, name).decode(errors="replace") for name in _STREAMS)
        return Ended(int(answer["exit_code"]), stdout, stderr)

    async def dry_run(self, job: Job) -> DryRun | None:  # noqa: ARG002 a shell has none
        return None

    async def cancel(self, key: str) -> bool:
        async def cancelling() -> bool:
            answer = await self._powershell.ask(
                "cancel", key=key, owner=token_hex(8), stdout=0, stderr=0
            )
            log.info("claim.cancelled", key=key, state=answer["state"])
            return State(answer["state"]) in SETTLED

        return await _patiently(END_GRACE, cancelling)

    async def close(self) -> None:
        """Nothing is kept open between two calls."""


class _Watch:
    """One call of ``run`` or ``reattach``: what it signs a claim with, and what it has heard."""

    def __init__(self, powershell: PowerShell, job: Job, on_output: OnOutput | None) -> None:
        sendable(job.command)
        self._powershell = powershell
        self._job = job
        self._owner = token_hex(8)
        self._transcript = Transcript.of(KEPT, on_output)
        self._wait = WAIT_UNHEARD if on_output is None else WAIT

    async def run(self) -> Ended | Lost:
        answer = await self._ask(
            "launch",
            owner=self._owner,
            command=self._job.command,
            wrap=wrapper(),
            seconds=self._job.timeout.total_seconds(),
        )
        if answer["state"] == State.FAILED:
            raise TargetUnusableError(f"the command was not started: {answer['trouble']}")
        return await self._to_the_end(answer)

    async def attach(self) -> Ended | Lost | None:
        answer = await self._ask("look", wait=0)
        if answer["state"] in _NOT_STARTED:
            return None
        return await self._to_the_end(answer)

    async def _to_the_end(self, answer: dict[str, Any]) -> Ended | Lost:
        patience = monotonic() + START_GRACE.total_seconds()
        while not self._is_all(answer):
            if answer["state"] in _NOT_STARTED and monotonic() > patience:
                return await self._never_started()
            answer = await self._ask("look", wait=self._wait.total_seconds())
        await self._transcript.finish()
        return self._result(answer)

    async def _never_started(self) -> Ended | Lost:
        """The claim is taken by cancelling it: a start that comes late finds that it may not."""
        answer = await self._ask("cancel", owner=self._owner)
        if answer["state"] == State.CANCELLED:
            raise TargetUnusableError("the command was not started: the host did not begin it")
        return Lost(_NEVER) if answer["state"] in _NOT_STARTED else self._result(answer)

    async def _ask(self, name: str, **fields: Any) -> dict[str, Any]:
        answer = await self._powershell.ask(
            name,
            key=self._job.key,
            stdout=self._transcript.stdout.offset,
            stderr=self._transcript.stderr.offset,
            **fields,
        )
        for output in _STREAMS:
            stream: StreamTranscript = getattr(self._transcript, output)
            await stream.absorb(stream.offset, _bytes(answer, output))
        return answer

    def _is_all(self, answer: dict[str, Any]) -> bool:
        return answer["state"] in SETTLED and all(
            len(_bytes(answer, name)) < _PIECE for name in _STREAMS
        )

    def _result(self, answer: dict[str, Any]) -> Ended | Lost:
        stdout, stderr = self._transcript.stdout.text(), self._transcript.stderr.text()
        if answer["state"] == State.CANCELLED:
            return Ended(TERMINATED, stdout, stderr, cancelled=True)
        if answer["state"] == State.GONE:
            return Lost(_GONE, stdout, stderr)
        return Ended(
            int(answer["exit_code"]),
            stdout,
            stderr,
            timed_out=bool(answer["timed_out"]),
            reattached=answer["owner"] != self._owner,
            cancelled=bool(answer["cancelled"]),
        )


async def _patiently(allowed: timedelta, ask: Callable[[], Awaitable[_Result]]) -> _Result:
    """Ask again while the host cannot be reached, for as long as is allowed."""
    may_have_started = False
    async with answering_within(allowed + END_GRACE):
        async for attempt in stamina.retry_context(
            on=TargetUnreachableError, attempts=None, timeout=allowed, wait_jitter=0.2
        ):
            with attempt:
                try:
                    return await ask()
                except TargetUnreachableError as error:
                    may_have_started |= error.may_have_started
                    error.may_have_started = may_have_started
                    raise
    raise AssertionError("retrying ends with a result or an error")


def _bytes(answer: dict[str, Any], name: str) -> bytes:
    return b64decode(answer.get(name) or "")
