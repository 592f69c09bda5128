"""What a statement answers, as a step's output."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: A result has at most so many characters, whatever the number of its rows.
SIZE_MOST: Final = 200_000


@dataclass(frozen=True)
class Rows:
    """``columns`` is empty for a statement without a result; ``more`` says that rows are left out.

    ``changed`` counts the rows that the statement changed, where the database tells.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    more: bool = False
    changed: int | None = None

    @classmethod
    def capped(cls, columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int) -> "Rows":
        """The first ``most`` of at least one more row, where there are so many."""
        found = [tuple(row) for row in rows]
        return cls(tuple(_distinct(columns)), tuple(found[:most]), more=len(found) > most)

    @property
    def holds(self) -> bool:
        """Whether the first column of the first row is true: not null, false, zero or empty."""
        value = self.rows[0][0] if self.rows and self.rows[0] else None
        return value not in (None, False, 0, "", "0", "f", "false", b"", b"\0")

    def written(self) -> str:
        """JSON, a row on each line; empty for what has no result."""
        if not self.columns:
            return ""
        lines, size = [], 0
        for row in self.rows:
            line = json.dumps(dict(zip(self.columns, row, strict=True)), default=_plain)
            size += len(line)
            if size > SIZE_MOST:
                break
            lines.append(line)
        return "[" + ",\n ".join(lines) + "]\n"

    def told(self) -> str:
        """How many rows, in words."""
        if self.columns:
            shown = self.written().count("\n") if self.rows else 0
            left_out = self.more or shown < len(self.rows)
            return _count(shown, "row") + (", and more that are left out" if left_out else "")
        return "done" if self.changed is None else f"{_count(self.changed, 'row')} changed"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _distinct(columns: Sequence[str]) -> list[str]:
    """Names that are each there once: a join may have two columns of one name."""
    found: list[str] = []
    for column in columns:
        name, nth = column or "column", 2
        while name in found:
            name, nth = f"{column}_{nth}", nth + 1
        found.append(name)
    return found


def _plain(value: Any) -> Any:
    match value:
        case bytes() | bytearray() | memoryview():
            return "0x" + bytes(value).hex()
        case list() | tuple() | set() | frozenset():
            return list(value)
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat is not None else str(value)
