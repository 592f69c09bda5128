"""Values in SQL: each becomes a bound parameter, and is never a part of the text.

Where a parameter may not stand (a string, a quoted name, a comment, PostgreSQL's dollar quotes) a
placeholder is refused. (ISO 9075-2, 5.3; PostgreSQL manual, 4.1.2.4.)
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.runbook.quoting import checked
from shared.runbook.template import Cut, Mistake, Placeholder, cut

#: What opens a stretch in which nothing is bound, and what ends it.
_CLOSED: Final = {"'": "'", '"': '"', "`": "`", "--": "\n", "/*": "*/", "#": "\n"}
_DOLLAR: Final = re.compile(r"\$(?:[A-Za-z_]\w*)?\$")
_BACKSLASH: Final = re.compile(r"\\")
_OPENS: Final = re.compile(rf"--|/\*|#|['\"`]|{_DOLLAR.pattern}")


@dataclass(frozen=True)
class Bound:
    """A statement with ``:p0``, ``:p1`` … in it, and their values."""

    text: str
    values: Mapping[str, Any]


def mistakes(template: str) -> tuple[Mistake, ...]:
    """The placeholders that stand where nothing can be bound."""
    parts = cut(template)
    unclear = _BACKSLASH.search(template) if parts.placeholders else None
    if unclear is not None:
        message = "a backslash means different things to different databases: do without"
        return (*parts.mistakes, Mistake(unclear.start(), message))
    return (*parts.mistakes, *_misplaced(parts))


def bound(template: str, values: Mapping[str, Any]) -> Bound:
    """A statement whose template has no mistakes, with its values beside it.

    Raises:
        ValueMissingError: a placeholder has no value.
        ValueRefusedError: a value has characters that no text may have.
    """
    text = ""
    found: dict[str, Any] = {}
    for part in cut(template).parts:
        if isinstance(part, Placeholder):
            name = f"p{len(found)}"
            raw = part.raw(values)
            plain = isinstance(raw, int | float) and not isinstance(raw, bool)
            found[name] = raw if plain else checked(part.value(values))
            text += f":{name}"
        else:
            text += part.text
    return Bound(text.strip(), found)


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
