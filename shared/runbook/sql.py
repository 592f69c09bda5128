"""Values in SQL: each becomes a bound parameter, and is never a part of the statement.

Where a parameter may not stand (a string, a quoted name, a comment, PostgreSQL's dollar quotes) a
placeholder is refused. (ISO 9075-2, 5.3; PostgreSQL manual, 4.1.2.4.) What people approve is the
statement with ``:p0``, ``:p1`` … in it, and below it a line for each value:

    UPDATE jobs SET state = 'queued' WHERE worker = :p0
    -- :p0 = "web-1"
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import PermanentError
from shared.runbook.quoting import checked
from shared.runbook.template import Cut, Mistake, Placeholder, cut

Scalar = str | int | float

#: What opens a stretch in which nothing is bound, and what ends it.
_CLOSED: Final = {"'": "'", '"': '"', "`": "`", "--": "\n", "/*": "*/", "#": "\n"}
_DOLLAR: Final = re.compile(r"\$(?:[A-Za-z_]\w*)?\$")
_BACKSLASH: Final = re.compile(r"\\")
_OPENS: Final = re.compile(rf"--|/\*|#|['\"`]|{_DOLLAR.pattern}")
_BOUND: Final = re.compile(r":p(\d+)\b")
_VALUE: Final = re.compile(r"-- :p(\d+) = (.*)")
_RUN_BY_MYSQL: Final = re.compile(r"/\*(?:M?!|\+)")


class MalformedStatementError(PermanentError):
    """A text is no statement with its values below it; says why. Nothing was run."""


@dataclass(frozen=True)
class Bound:
    """A statement with ``:p0``, ``:p1`` … in it, and their values."""

    text: str
    values: Mapping[str, Scalar]

    def written(self) -> str:
        """As people approve it; ``read`` takes it apart again."""
        lines = (f"-- :{name} = {json.dumps(value)}" for name, value in self.values.items())
        return "\n".join((self.text, *lines))


def read(text: str) -> Bound:
    """A statement from the text that people approved.

    Raises:
        MalformedStatementError: the values below it are not those that it names.
    """
    lines = text.rstrip("\n").split("\n")
    values: dict[str, Scalar] = {}
    while lines and "p0" not in values and (found := _VALUE.fullmatch(lines[-1])):
        values = {f"p{found[1]}": _scalar(found[2]), **values}
        lines.pop()
    statement = "\n".join(lines).strip()
    named = [name for is_value, name in pieces(statement) if is_value]
    if named != list(values) or named != [f"p{index}" for index in range(len(named))]:
        raise MalformedStatementError(
            f"the statement names the values {named}, and below it stand {list(values)}"
        )
    return Bound(statement, values)


def pieces(statement: str) -> Iterator[tuple[bool, str]]:
    """The text between bound values, and their names where they stand; names come with True."""
    begun = 0
    for start, end in open_stretches(statement):
        for found in _BOUND.finditer(statement, start, end):
            # Two colons are a cast, a letter before is the end of a name.
            if found.start() and re.match(r"[:\w]", statement[found.start() - 1]):
                continue
            yield False, statement[begun : found.start()]
            yield True, found[0][1:]
            begun = found.end()
    yield False, statement[begun:]


def open_stretches(statement: str) -> Iterator[tuple[int, int]]:
    """Where in a statement something can be bound: outside of quotes and comments."""
    at, closing = 0, ""
    while at < len(statement):
        if closing:
            end = statement.find(closing, at)
            if end < 0:
                return
            at, closing = end + len(closing), ""
            continue
        opened = _OPENS.search(statement, at)
        yield at, opened.start() if opened else len(statement)
        if opened is None:
            return
        at, closing = opened.end(), _CLOSED.get(opened[0], opened[0])


def _scalar(written: str) -> Scalar:
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise MalformedStatementError("a value below the statement is neither text nor number")
    return value


def mistakes(template: str) -> tuple[Mistake, ...]:
    """What is wrong with a statement: placeholders where nothing can be bound, above all."""
    return judged(cut(template))


def judged(parts: Cut) -> tuple[Mistake, ...]:
    """The same, of a template that was cut."""
    found = [*parts.mistakes, *_unclear(parts), *_misplaced(parts)]
    return tuple(sorted(found, key=lambda mistake: mistake.offset))


def bound(template: str, values: Mapping[str, Any]) -> Bound:
    """A statement whose template has no mistakes, with its values beside it.

    Raises:
        ValueMissingError: a placeholder has no value.
        ValueRefusedError: a value has characters that no text may have.
    """
    return filled(cut(template), values)


def filled(parts: Cut, values: Mapping[str, Any]) -> Bound:
    """The same, of a template that was cut."""
    text = ""
    found: dict[str, Scalar] = {}
    for part in parts.parts:
        if isinstance(part, Placeholder):
            name = f"p{len(found)}"
            raw = part.raw(values)
            plain = isinstance(raw, int | float) and not isinstance(raw, bool)
            # A plain str: what parameters are made of is a subclass.
            found[name] = raw if plain else str(checked(part.value(values)))
            text += f":{name}"
        else:
            text += part.text
    return Bound(text.strip(), found)


def _unclear(parts: Cut) -> Iterator[Mistake]:
    """What nobody could tell from a bound value, or from what databases read differently."""
    for part in parts.parts:
        if isinstance(part, Placeholder):
            continue
        for pattern, message in (
            (_BOUND, "names a bound value, and those are Handrail's: use a placeholder"),
            (_RUN_BY_MYSQL, "begins a comment that MySQL reads: write it as a statement"),
        ):
            for found in pattern.finditer(part.text):
                yield Mistake(part.offset + found.start(), f"{found[0]} {message}")
        backslash = _BACKSLASH.search(part.text) if parts.placeholders else None
        if backslash is not None:
            message = "a backslash means different things to different databases: do without"
            yield Mistake(part.offset + backslash.start(), message)


def _misplaced(parts: Cut) -> Iterator[Mistake]:
    closing = ""
    for part in parts.parts:
        if not isinstance(part, Placeholder):
            closing = _behind(part.text, closing)
        elif closing:
            written = "{{ " + part.expression + " }}"
            where = "a comment" if closing in ("\n", "*/") else "quotes"
            yield Mistake(
                part.offset, f"{written} stands in {where}: take it out, the value is bound"
            )


def _behind(text: str, closing: str) -> str:
    """What has to come before something can be bound again; empty where it can be."""
    at = 0
    while at < len(text):
        if closing:
            end = text.find(closing, at)
            if end < 0:
                return closing
            at, closing = end + len(closing), ""
        else:
            opened = _OPENS.search(text, at)
            if opened is None:
                return ""
            at, closing = opened.end(), _CLOSED.get(opened[0], opened[0])
    return closing
