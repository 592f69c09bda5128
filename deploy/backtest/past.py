"""Old alerts in the order of time, however many there are and however they are mixed up."""

import heapq
import pickle
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import groupby
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Final, Self

from services.ingest.history.imported import Imported
from shared.events import Alert

# So many are sorted in memory at a time; they take some 100 MB at most.
_IN_MEMORY: Final = 20_000
#: As many alerts as one notification is taken in with, at most.
_TOGETHER: Final = 500

_Placed = tuple[datetime, int, Imported]


class Past:
    """Alerts, sorted by their times and, of one time, as they came; also when read twice.

    What does not fit into memory is in unnamed files, which are gone at the end.
    """

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._files = ExitStack()
        self._parts: list[IO[bytes]] = []
        self._last: list[_Placed] = []
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._files.close()

    def add(self, alerts: Iterable[Imported]) -> None:
        """Add alerts, in any order."""
        for one in alerts:
            self._position += 1
            self._last.append((one.at, self._position, one))
            if len(self._last) >= self._in_memory:
                self._put_aside()

    def _put_aside(self) -> None:
        self._last.sort(key=_place)
        part = self._files.enter_context(TemporaryFile())  # noqa: SIM115 it stays open
        for one in self._last:
            pickle.dump(one, part, pickle.HIGHEST_PROTOCOL)
        self._parts.append(part)
        self._last = []

    def in_order(self) -> Iterator[Imported]:
        """All of them; once through at a time."""
        self._last.sort(key=_place)
        parts = [*map(_read, self._parts), iter(self._last)]
        return (one for _, _, one in heapq.merge(*parts, key=_place))

    def moments(self) -> Iterator[tuple[datetime, tuple[Alert, ...], int]]:
        """Alerts of the same time together, and how many of them had been there already."""
        for at, alerts in groupby(self.in_order(), key=lambda one: one.at):
            once: dict[str, Alert] = {}
            again = 0
            for one in alerts:
                again += one.id in once
                once.setdefault(one.id, one.alert)
            distinct = tuple(once.values())
            for first in range(0, len(distinct), _TOGETHER):
                yield at, distinct[first : first + _TOGETHER], again if first == 0 else 0


def _place(one: _Placed) -> tuple[datetime, int]:
    return one[0], one[1]


def _read(part: IO[bytes]) -> Iterator[_Placed]:
    part.seek(0)
    while True:
        try:
            # This process wrote it a moment ago, into a file without a name.
            yield pickle.load(part)  # noqa: S301
        except EOFError:
            return
