"""Group commit: notifications that come at the same time are stored in one write.

Each waits for the write that has its part, and none for a timer: while one write is under way the
next one gathers. In a storm this makes one journaled write of dozens; alone, a notification is
written at once.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from services.ingest.ticket import Recorded, Said
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

#: So many problems at most are written at once, unless one notification has more.
MOST: Final = 500


class Tickets(Protocol):
    """Where alerts become tickets; see ``store.MongoTickets``."""

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]: ...


@dataclass(frozen=True)
class _Waiting:
    said: tuple[Said, ...]
    now: datetime
    answer: "asyncio.Future[list[Recorded]]"

    @property
    def problems(self) -> set[str]:
        return {one.alert.fingerprint for one in self.said}


class GroupCommit:
    """Tickets that are written together with those of others; see ``Tickets``."""

    def __init__(self, tickets: Tickets) -> None:
        self._tickets = tickets
        self._queue: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]:
        """Store what was said; what a caller has given up on is written all the same."""
        waiting = _Waiting(tuple(said), now, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await waiting.answer

    async def _write_all(self) -> None:
        while self._queue:
            group = self._gathered()
            try:
                await self._write(group)
            except UnavailableError as error:
                _fail(group, error)
            except Exception as error:  # noqa: BLE001 whoever waits must be told, whatever it is
                await self._one_by_one(group, error)

    def _gathered(self) -> list[_Waiting]:
        """The next of the queue, in order, as long as no problem comes twice."""
        group = [self._queue.popleft()]
        problems = group[0].problems
        while self._queue and len(problems) < MOST:
            more = self._queue[0].problems
            if more & problems:
                break
            problems |= more
            group.append(self._queue.popleft())
        return group

    async def _write(self, group: Sequence[_Waiting]) -> None:
        said = [one for waiting in group for one in waiting.said]
        recorded = await self._tickets.record(said, max(waiting.now for waiting in group))
        by_problem = {one.alert.fingerprint: one for one in recorded}
        for waiting in group:
            if not waiting.answer.done():
                found = [by_problem.get(one.alert.fingerprint) for one in waiting.said]
                waiting.answer.set_result([one for one in found if one is not None])

    async def _one_by_one(self, group: Sequence[_Waiting], error: Exception) -> None:
        """What one notification has wrong must not be held against the others."""
        if len(group) == 1:
            _fail(group, error)
            return
        log.warning("group.split", notifications=len(group), error=repr(error))
        for waiting in group:
            try:
                await self._write([waiting])
            except Exception as its_own:  # noqa: BLE001 see above
                _fail([waiting], its_own)


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
