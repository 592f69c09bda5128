"""Group commit: what comes at the same time is committed together.

Each waits for the commit that has its part: while commits are under way the next one gathers. In a
storm this makes one journaled write of dozens; alone, one is written at once, unless it may wait a
moment for others.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar, cast

import structlog

from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class _Waiting(Generic[T, R]):
    item: T
    answer: "asyncio.Future[R]"


class GroupCommit(Generic[T, R]):
    """Commits items together with those of others.

    ``commit`` answers for each item, in their order. A group has at most ``most`` by ``size``,
    unless one item alone has more; so many groups as ``at_once`` are under way at most. For
    ``patience`` a group waits for more items before it is written.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int,
        size: Callable[[T], int],
        at_once: int = 1,
        patience: timedelta = timedelta(0),
    ) -> None:
        self._commit = commit
        self._most = most
        self._size = size
        self._at_once = at_once
        self._patience = patience.total_seconds()
        self._queue: deque[_Waiting[T, R]] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def add(self, item: T) -> R:
        """What the commit answers for this item; one that a caller gave up on is committed too."""
        waiting: _Waiting[T, R] = _Waiting(item, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if len(self._writers) < self._at_once:
            self._writers.add(asyncio.create_task(self._write_all()))
        return await waiting.answer

    async def _write_all(self) -> None:
        try:
            while self._queue:
                if self._patience:
                    await asyncio.sleep(self._patience)
                await self._write_or_tell(self._gathered())
        finally:
            # At once: what is added from now on needs another writer.
            self._writers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _write_or_tell(self, group: list[_Waiting[T, R]]) -> None:
        try:
            await self._write(group)
        except UnavailableError as error:
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 whoever waits must be told, whatever it is
            await self._one_by_one(group, error)

    def _gathered(self) -> list[_Waiting[T, R]]:
        group = [self._queue.popleft()]
        number = self._size(group[0].item)
        while self._queue and number + self._size(self._queue[0].item) <= self._most:
            number += self._size(self._queue[0].item)
            group.append(self._queue.popleft())
        return group

    async def _write(self, group: Sequence[_Waiting[T, R]]) -> None:
        answers = await self._commit([waiting.item for waiting in group])
        for waiting, answer in zip(group, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _one_by_one(self, group: Sequence[_Waiting[T, R]], error: Exception) -> None:
        """What one item has wrong must not be held against the others."""
        if len(group) == 1:
            _fail(group, error)
            return
        log.warning("group.split", items=len(group), error=repr(error))
        for at, waiting in enumerate(group):
            try:
                await self._write([waiting])
            except UnavailableError as away:
                _fail(group[at:], away)
                return
            except Exception as its_own:  # noqa: BLE001 see above
                _fail([waiting], its_own)


def _fail(group: Sequence[_Waiting[T, R]], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
