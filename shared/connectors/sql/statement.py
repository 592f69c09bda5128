"""A step's text as statements: what they are, and what is refused before anything runs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.errors import PermanentError
from shared.runbook.sql import Bound, open_stretches, pieces, read

_WORD: Final = re.compile(r"[A-Za-z]+")
_OURS: Final = frozenset(
    (
        *("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "XA"),
        *("LOCK", "UNLOCK", "PREPARE", "EXECUTE", "DEALLOCATE", "USE", "DELIMITER"),
    )
)
_LOOKS: Final = frozenset(
    ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC")
)
_EXPLAINED: Final = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "MERGE"))
_TO_FILE: Final = re.compile(r"\bINTO\s+(OUTFILE|DUMPFILE)\b", re.IGNORECASE)


class StatementRefusedError(PermanentError):
    """A text is not what may be run; says what to change. Nothing was run."""


@dataclass(frozen=True)
class Statement:
    """One statement; ``words`` are its first ones in capitals, without comments."""

    bound: Bound
    words: tuple[str, ...]

    @property
    def verb(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def explainable(self) -> bool:
        """Whether a database can say what it would do without doing it."""
        return self.verb in _EXPLAINED

    def only_looks(self) -> None:
        """Refuse what changes something.

        Raises:
            StatementRefusedError: it is none of those that only look.
        """
        if self.verb not in _LOOKS or _TO_FILE.search(self.bound.text):
            looks = ", ".join(sorted(_LOOKS))
            raise StatementRefusedError(f"{self.verb or 'this'} does not only look: use {looks}")


def statements(text: str, *, several: bool) -> tuple[Statement, ...]:
    """The statements of a text that people approved.

    Raises:
        MalformedStatementError: the values below it are not those that it names.
        StatementRefusedError: there are several, or none, or one that opens or ends a transaction.
    """
    whole = read(text)
    found = tuple(Statement(one, _first_words(one.text)) for one in _split(whole))
    if not found:
        raise StatementRefusedError("there is no statement: write one")
    if len(found) > 1 and not several:
        raise StatementRefusedError(
            f"these are {len(found)} statements: write a step for each, or `several: true` for the "
            "target"
        )
    for one in found:
        if one.verb in _OURS:
            raise StatementRefusedError(f"{one.verb}: the transaction is opened and ended for you")
    return found


def _split(whole: Bound) -> Iterator[Bound]:
    """Cut at the semicolons outside of quotes and comments; values keep their names."""
    ends = [
        found.start()
        for start, end in open_stretches(whole.text)
        for found in re.compile(";").finditer(whole.text, start, end)
    ]
    begun = 0
    for end in (*ends, len(whole.text)):
        text = whole.text[begun:end].strip()
        begun = end + 1
        if _first_words(text):
            names = {name for is_value, name in pieces(text) if is_value}
            yield Bound(text, {name: whole.values[name] for name in whole.values if name in names})


def _first_words(text: str) -> tuple[str, ...]:
    outside = " ".join(text[start:end] for start, end in open_stretches(text))
    return tuple(word.upper() for word in _WORD.findall(outside)[:4])
