"""How many bodies are held at once, so that memory stays flat whatever comes.

Who comes when there is no room waits for its turn before its body is read: nobody is refused for
coming often.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: Bodies that are read, understood and written at once.
MOST: Final = 256
#: Bytes of them. What is made of a body takes a few times its size for a moment.
MOST_BYTES: Final = 32 * 1024 * 1024
#: Whoever waits has what the server read ahead: some 64 KiB at the most.
MOST_WAITING: Final = 2_000
#: Senders give up by themselves after 10 to 30 seconds.
PATIENCE: Final = timedelta(seconds=15)


class Busy(Exception):  # noqa: N818 it is an answer, not a failure
    """There was no room in time; says why."""


@dataclass
class Place:
    """Room for one body of a source; ``size`` counts the bytes that are set aside for it."""

    source: str
    size: int


@dataclass(frozen=True)
class _Turn:
    """One that waits; ``number`` grows with the time at which it came."""

    number: int
    place: Place
    come: asyncio.Event


class Gate:
    """Lets bodies in as there is room for them, in the order in which they came.

    No source has more than half of the room, so that one whose bodies come slowly does not hold the
    others up: those go in past what waits of a source that has its half.
    """

    def __init__(
        self,
        *,
        most: int = MOST,
        most_bytes: int = MOST_BYTES,
        most_waiting: int = MOST_WAITING,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._most_waiting = most_waiting
        self._patience = patience
        self._queues: dict[str, deque[_Turn]] = {}
        self._came = 0
        self._places_of: Counter[str] = Counter()
        self._bytes_of: Counter[str] = Counter()
        self.waiting = 0
        self.inside = 0
        self.inside_bytes = 0

    @asynccontextmanager
    async def passed(self, source: str, size: int) -> AsyncIterator[Place]:
        """Room for a body of so many bytes at most; waits for it, and frees it in the end.

        Raises:
            Busy: there was none in time, or as many as may wait do.
        """
        place = Place(source, min(size, self._most_bytes // 2))
        await self._enter(place)
        try:
            yield place
        finally:
            self._count(place, -1)
            self._let_in()

    def shrink(self, place: Place, size: int) -> None:
        """Free what was set aside for a body that turned out to be smaller."""
        spared = max(0, place.size - size)
        place.size -= spared
        self._bytes_of[place.source] -= spared
        self.inside_bytes -= spared
        self._let_in()

    async def _enter(self, place: Place) -> None:
        if not self._queues and self._may(place) and self._fits(place):
            self._count(place, 1)
            return
        if self.waiting >= self._most_waiting:
            raise Busy(f"{self.waiting} others wait already")
        self._came += 1
        turn = _Turn(self._came, place, asyncio.Event())
        self._queues.setdefault(place.source, deque()).append(turn)
        self.waiting += 1
        self._let_in()
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await turn.come.wait()
        except (TimeoutError, asyncio.CancelledError) as reason:
            self._give_up(turn)
            if isinstance(reason, TimeoutError):
                seconds = self._patience.total_seconds()
                raise Busy(f"there was no room for it in {seconds:g} s") from None
            raise

    def _give_up(self, turn: _Turn) -> None:
        if turn.come.is_set():
            # Its turn came in the same moment.
            self._count(turn.place, -1)
        else:
            self.waiting -= 1
            self._take_out(turn)
        self._let_in()

    def _take_out(self, turn: _Turn) -> None:
        queue = self._queues[turn.place.source]
        queue.remove(turn)
        if not queue:
            del self._queues[turn.place.source]

    def _let_in(self) -> None:
        """Let in whose turn it is, as long as there is room."""
        while (turn := self._next()) is not None and self._fits(turn.place):
            self._queues[turn.place.source].popleft()
            if not self._queues[turn.place.source]:
                del self._queues[turn.place.source]
            self.waiting -= 1
            self._count(turn.place, 1)
            turn.come.set()

    def _next(self) -> _Turn | None:
        """The one that waits longest, of the sources that have not their half."""
        first = (queue[0] for queue in self._queues.values() if self._may(queue[0].place))
        return min(first, key=lambda turn: turn.number, default=None)

    def _may(self, place: Place) -> bool:
        return (
            self._places_of[place.source] < max(1, self._most // 2)
            and self._bytes_of[place.source] + place.size <= self._most_bytes // 2
        )

    def _fits(self, place: Place) -> bool:
        return self.inside < self._most and self.inside_bytes + place.size <= self._most_bytes

    def _count(self, place: Place, change: int) -> None:
        size = change * place.size
        self.inside += change
        self.inside_bytes += size
        self._places_of[place.source] += change
        self._bytes_of[place.source] += size
