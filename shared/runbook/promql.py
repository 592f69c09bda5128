"""Where in a PromQL query a placeholder may stand: inside a double-quoted string.

(https://prometheus.io/docs/prometheus/latest/querying/basics, "String literals" and "Comments".)
"""

import re
from collections.abc import Iterable
from typing import Final

from shared.runbook.template import Mistake, Part, Placeholder

_REGEX_FOLLOWS: Final = re.compile(r"[=!]~\s*$")


def strings(parts: Iterable[Part]) -> tuple[dict[int, bool], tuple[Mistake, ...]]:
    """Whether each placeholder stands in a regular expression, by offset; and those misplaced."""
    inside: str = ""
    regex = False
    before = ""
    found: dict[int, bool] = {}
    mistakes: list[Mistake] = []
    for part in parts:
        if not isinstance(part, Placeholder):
            inside, regex, before = _read(part.text, inside, before, regex=regex)
        elif inside == '"' and not _ends_in_backslash(before):
            found[part.offset] = regex
            before = ""
        else:
            written = "{{ " + part.expression + " }}"
            hint = 'write it inside double quotes, as in {job="{{ job }}"}'
            mistakes.append(Mistake(part.offset, f"{written} stands outside of quotes: {hint}"))
    return found, tuple(mistakes)


def _read(text: str, inside: str, before: str, *, regex: bool) -> tuple[str, bool, str]:
    """The state behind a piece of text: the open quote (or ``#``), and what stands before."""
    escaped = False
    for char in text:
        if inside:
            if escaped:
                escaped = False
            elif char == "\\" and inside in "\"'":
                escaped = True
            elif char == ("\n" if inside == "#" else inside):
                inside = ""
        elif char in "\"'`#":
            inside, regex = char, bool(_REGEX_FOLLOWS.search(before))
        before += char
    return inside, regex, before


def _ends_in_backslash(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1
