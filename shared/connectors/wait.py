"""Waiting, counted from when the step began: who takes it over waits for what is left."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from shared.calls.call import MalformedCallError
from shared.calls.families import parsed_as
from shared.calls.wait import WaitFor, WaitUntil
from shared.connectors.protocol import DryRun, Ended, Job, Lost, OnOutput

#: The clock is looked at again after this, since it may be set, and machines may sleep.
LOOK_AGAIN: Final = timedelta(minutes=1)
_CANCELLED: Final = 143
_TIMED_OUT: Final = 124


def _now() -> datetime:
    return datetime.now(UTC)


class WaitConnector:
    """Waits; needs no target. A step's text is a call of ``shared.calls.wait``."""

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        self._now = now
        self._ended: dict[str, asyncio.Event] = {}

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:  # noqa: ARG002 it says nothing
        call = _call(job.command)
        began = job.started_at or self._now()
        over, latest = call.ends(began), began + job.timeout
        ended = self._ended.setdefault(job.key, asyncio.Event())
        if await self._cancelled(ended, min(over, latest)):
            return Ended(_CANCELLED, "", "the wait was ended", cancelled=True)
        if over > latest:
            said = f"it would have lasted until {_said(over)}"
            return Ended(_TIMED_OUT, "", said, timed_out=True)
        return Ended(0, f"waited until {_said(over)}\n", "")

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:  # noqa: ARG002 it says nothing
        """None: to wait again is to wait for what is left."""
        return None

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ARG002, ASYNC109 nothing is waited for
        raise MalformedCallError("a wait is no check: use a command, a request or a query")

    async def dry_run(self, job: Job) -> DryRun | None:
        """Until when it would wait if it began now."""
        over = _call(job.command).ends(self._now())
        return DryRun(f"waits until {_said(over)} if it begins now")

    async def cancel(self, key: str) -> bool:
        self._ended.setdefault(key, asyncio.Event()).set()
        return True

    async def close(self) -> None:
        self._ended.clear()

    async def _cancelled(self, ended: asyncio.Event, until: datetime) -> bool:
        """Wait until a moment by the clock; true as soon as the wait was ended before that."""
        while (left := until - self._now()) > timedelta(0):
            try:
                async with asyncio.timeout(min(left, LOOK_AGAIN).total_seconds()):
                    return await ended.wait()
            except TimeoutError:
                continue
        return ended.is_set()


def _call(command: str) -> WaitFor | WaitUntil:
    return cast("WaitFor | WaitUntil", parsed_as("wait", command))


def _said(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
