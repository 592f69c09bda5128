"""Calls to an API while they last: output as it comes, the job's limit of time, and cancelling.

What such a call did stands in the system that it called; here is only whoever waits for its end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.connectors.protocol import Ended, Job, Lost, OnOutput
from shared.connectors.transcript import StreamTranscript, Transcript
from shared.errors import HandrailError, PermanentError

#: Of each output a result keeps this many bytes.
KEPT: Final = 256 * 1024
TIMED_OUT: Final = 124
CANCELLED: Final = 143


class CallRefusedError(PermanentError):
    """What was called does not do this; nothing was done."""


class CallFailedError(HandrailError):
    """It was begun, and came to a bad end: the step fails with what was said until then."""


class Report:
    """What a call says while it lasts."""

    def __init__(self, on_output: OnOutput | None) -> None:
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
    ends_with_us: bool
    cancelled: bool = False


class Underway:
    """The calls that this process waits for, by the keys of their jobs."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    async def run(
        self, job: Job, work: Work, on_output: OnOutput | None, *, goes_on: str | None = None
    ) -> Ended | Lost:
        """Do the call, for as long as the job may take.

        ``goes_on`` says of a call that nobody can end what is left unknown when nobody waits for it
        any more.
        """
        report = Report(on_output)
        call = _Call(asyncio.ensure_future(work(report)), ends_with_us=goes_on is None)
        self._calls[job.key] = call
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
        except CallFailedError as error:
            await report.complain(f"{error}\n".encode())
            return await report.ended(1)
        except asyncio.CancelledError:
            if not call.cancelled:
                raise
            return await report.ended(CANCELLED, cancelled=True)
        finally:
            del self._calls[job.key]

    def cancel(self, key: str) -> bool:
        """Wait no longer for a call of this process; false when there is none that this ends."""
        call = self._calls.get(key)
        if call is None or not call.ends_with_us:
            return False
        call.cancelled = True
        call.task.cancel()
        return True


async def _absorb(stream: StreamTranscript, data: bytes) -> None:
    await stream.absorb(stream.offset, data)
