"""The history of notifications that come at the same time is written at once; see ``group``."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from services.ingest.history.entry import Entry
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

#: So many alerts at most are written at once, unless one notification has more.
MOST: Final = 1_000


class History(Protocol):
    """Where accepted alerts are kept; see ``history.store``."""

    async def keep(self, entries: Sequence[Entry]) -> None: ...


@dataclass(frozen=True)
class _Waiting:
    entries: Sequence[Entry]
    answer: "asyncio.Future[None]"


class GroupedHistory:
    """A history that is written together with what others wait for; none waits for a timer."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._queue: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Keep the alerts; what a caller has given up on is written all the same."""
        waiting = _Waiting(entries, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await waiting.answer

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
        group = [self._queue.popleft()]
        number = len(group[0].entries)
        while self._queue and number + len(self._queue[0].entries) <= MOST:
            number += len(self._queue[0].entries)
            group.append(self._queue.popleft())
        return group

    async def _write(self, group: Sequence[_Waiting]) -> None:
        await self._history.keep([entry for waiting in group for entry in waiting.entries])
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_result(None)

    async def _one_by_one(self, group: Sequence[_Waiting], error: Exception) -> None:
        """What one notification has wrong must not be held against the others.

        Some of a group may be in already, and is then there twice.
        """
        if len(group) == 1:
            _fail(group, error)
            return
        log.warning("history.split", notifications=len(group), error=repr(error))
        for waiting in group:
            try:
                await self._write([waiting])
            except Exception as its_own:  # noqa: BLE001 see above
                _fail([waiting], its_own)


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
