"""Where texts point: their vectors in one matrix, and how near each is to another one."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

#: A text's direction, of length 1.
Vector = Sequence[float]

#: Rows that there is room for at first; then as many again, each time that there is none.
_ROOM: Final = 64


class Similar:
    """How much each runbook points the same way as a query: cosines, -1 to 1.

    Holds until the next runbook is put in or removed.
    """

    def __init__(self, rows: Mapping[str, int], names: Sequence[str], cosines: Any) -> None:
        self._rows = rows
        self._names = names
        self._cosines = cosines

    def of(self, name: str) -> float:
        return float(self._cosines[self._rows[name]])

    def best(self, number: int) -> list[str]:
        """The names with the highest; of equals, by name."""
        cosines = self._cosines
        least = _least_of_the_best(cosines, number)
        (rows,) = (cosines >= least).nonzero()
        found = zip((-cosines[rows]).tolist(), (self._names[row] for row in rows), strict=True)
        return [name for _, name in sorted(found)[:number]]


class Directions:
    """Vectors by name. Needs numpy."""

    def __init__(self) -> None:
        self._numpy: Any = import_module("numpy")
        self._rows: dict[str, int] = {}
        self._names: list[str] = []
        self._matrix: Any = None

    def put(self, name: str, vector: Vector) -> None:
        """Add a vector, or replace the one of its name; all have as many numbers."""
        if name not in self._rows:
            self._make_room(len(vector))
            self._rows[name] = len(self._names)
            self._names.append(name)
        self._matrix[self._rows[name]] = vector

    def remove(self, name: str) -> None:
        """Take a vector out; one that is not there is no error."""
        row = self._rows.pop(name, None)
        if row is None:
            return
        last = self._names.pop()
        if last != name:
            self._names[row], self._rows[last] = last, row
            self._matrix[row] = self._matrix[len(self._names)]

    def beside(self, direction: Vector) -> Similar:
        """All of them beside another one."""
        number = len(self._names)
        if not number:
            return Similar({}, (), self._numpy.zeros(0))
        wanted = self._numpy.asarray(direction, dtype="float32")
        return Similar(self._rows, self._names, self._matrix[:number] @ wanted)

    def _make_room(self, width: int) -> None:
        number = len(self._names)
        if self._matrix is None:
            self._matrix = self._numpy.zeros((_ROOM, width), dtype="float32")
        elif number == len(self._matrix):
            self._matrix = self._numpy.concatenate(
                [self._matrix, self._numpy.zeros_like(self._matrix)]
            )


def _least_of_the_best(cosines: Any, number: int) -> float:
    """Without sorting them all."""
    if number >= len(cosines):
        return -2.0
    place = len(cosines) - number
    ordered = cosines.copy()
    ordered.partition(place)
    return float(ordered[place])
