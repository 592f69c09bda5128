"""Calls to an API while they last: output as it comes, the job's limit of time, and cancelling.

What such a call did stands in the system that it called; here is only whoever waits for its end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from shared.connectors.protocol import Ended, Job, Lost, OnOutput, TargetUnreachableError
from shared.connectors.transcript import StreamTranscript, Transcript
from shared.errors import HandrailError, PermanentError

#: Of each output a result keeps this many bytes.
KEPT: Final = 256 * 1024
TIMED_OUT: Final = 124
CANCELLED: Final = 143


class CallRefusedError(PermanentError):
    """What was called does not do this; where nothing had begun, nothing was done."""


class CallFailedError(HandrailError):
    """It was begun, and came to a bad end: the step fails with what was said until then."""


@dataclass(frozen=True)
class Progress:
    """How far something is: ``says`` for people; ``failed`` that waiting longer does not help."""

    done: bool
    says: str
    failed: bool = False


class Report:
    """What a call says while it lasts, and whether it has changed anything by now."""

    def __init__(self, on_output: OnOutput | None) -> None:
        self.has_begun = False
        self._transcript = Transcript.of(KEPT, on_output)

    async def say(self, line: str) -> None:
        """A line of output."""
        await self.write(f"{line}\n".encode())

    async def write(self, data: bytes) -> None:
        """Output as it is."""
        await _absorb(self._transcript.stdout, data)

    async def complain(self, data: bytes) -> None:
        """The other output as it is."""
        await _absorb(self._transcript.stderr, data)

    async def ended(
        self, exit_code: int, *, timed_out: bool = False, cancelled: bool = False
    ) -> Ended:
        await self._transcript.finish()
        out, err = self._transcript.stdout.text(), self._transcript.stderr.text()
        return Ended(exit_code, out, err, timed_out=timed_out, cancelled=cancelled)

    async def lost(self, reason: str) -> Lost:
        await self._transcript.finish()
        return Lost(reason, self._transcript.stdout.text(), self._transcript.stderr.text())


#: Does the call and gives its exit code; what it raises is raised to whoever waits.
Work = Callable[[Report], Awaitable[int]]


@dataclass
class _Call:
    task: asyncio.Future[int]
    outcome: asyncio.Future[Ended | Lost]
    ends_with_us: bool
    cancelled: bool = False


class Underway:
    """The calls that this process waits for, by the keys of their jobs."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    async def run(
        self, job: Job, work: Work, on_output: OnOutput | None, *, goes_on: str | None = None
    ) -> Ended | Lost:
        """Do the call, for as long as the job may take, or wait for the one that has its key.

        ``goes_on`` says of a call that nobody can end what is left unknown when nobody waits for it
        any more.
        """
        if job.key in self._calls:
            # Only the result: what was said until now was told to whoever came first.
            return await _heard(self._calls[job.key].outcome)
        report = Report(on_output)
        call = _Call(asyncio.ensure_future(work(report)), _outcome(), goes_on is None)
        self._calls[job.key] = call
        try:
            outcome = await self._seen_through(job, call, report, goes_on)
            call.outcome.set_result(outcome)
            return outcome
        finally:
            call.outcome.cancel()
            del self._calls[job.key]

    async def _seen_through(
        self, job: Job, call: _Call, report: Report, goes_on: str | None
    ) -> Ended | Lost:
        limit = asyncio.timeout(job.timeout.total_seconds())
        try:
            async with limit:
                return await report.ended(await call.task)
        except TimeoutError:
            if not limit.expired():
                raise
            if goes_on is not None:
                return await report.lost(f"no end within {job.timeout}: {goes_on}")
            return await report.ended(TIMED_OUT, timed_out=True)
        except TargetUnreachableError as error:
            error.may_have_started |= report.has_begun
            raise
        except (CallFailedError, CallRefusedError) as error:
            if isinstance(error, CallRefusedError) and not report.has_begun:
                raise
            await report.complain(f"{error}\n".encode())
            return await report.ended(1)
        except asyncio.CancelledError:
            if not call.cancelled:
                raise
            return await report.ended(CANCELLED, cancelled=True)

    def cancel(self, key: str) -> bool:
        """Wait no longer for a call of this process; false when there is none that this ends."""
        call = self._calls.get(key)
        if call is None or not call.ends_with_us:
            return False
        call.cancelled = True
        call.task.cancel()
        return True


def _outcome() -> asyncio.Future[Ended | Lost]:
    return asyncio.get_running_loop().create_future()


async def _heard(outcome: asyncio.Future[Ended | Lost]) -> Ended | Lost:
    await asyncio.wait({outcome})
    if outcome.cancelled():
        reason = "whoever made this call has given up waiting for it"
        raise TargetUnreachableError(reason, may_have_started=True)
    found = outcome.result()
    return replace(found, reattached=True) if isinstance(found, Ended) else found


async def _absorb(stream: StreamTranscript, data: bytes) -> None:
    await stream.absorb(stream.offset, data)
