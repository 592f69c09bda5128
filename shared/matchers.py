r"""Matchers over labels, as Alertmanager writes them: ``host="db-1"``, ``env=~"prod|staging"``.

The syntax is that of https://prometheus.io/docs/alerting/latest/configuration/#matcher: a label,
one of ``= != =~ !~``, and a text that may stand in double quotes, in which ``\"``, ``\n`` and
``\\`` are a quote, a line break and a backslash. A regular expression (Python's) has to match the
whole text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Comparison(StrEnum):
    """How a label's text is compared."""

    IS = "="
    IS_NOT = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


_NEGATED: Final = frozenset({Comparison.IS_NOT, Comparison.MATCHES_NOT})
_REGULAR: Final = frozenset({Comparison.MATCHES, Comparison.MATCHES_NOT})
_LABEL: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)+)"|([^\s{}!=~,\\"\'`]+))\s*')
_COMPARISON: Final = re.compile(r"=~|!~|!=|=")
_QUOTED: Final = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["n\\])')


@dataclass(frozen=True)
class Matcher:
    """One comparison; a label that is not there has an empty text."""

    label: str
    comparison: Comparison
    text: str
    pattern: re.Pattern[str] | None

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are as this says."""
        has = labels.get(self.label, "")
        same = has == self.text if self.pattern is None else bool(self.pattern.fullmatch(has))
        return same is not (self.comparison in _NEGATED)


def matcher(written: str) -> Matcher:
    """The matcher that is written there.

    Raises:
        ValueError: it is none; says at which character and what is expected.
    """
    label = _LABEL.match(written)
    if label is None:
        raise _wrong(written, 0, "a label is expected")
    comparison = _COMPARISON.match(written, label.end())
    if comparison is None:
        raise _wrong(written, label.end(), "one of =, !=, =~ and !~ is expected")
    text = _text(written, comparison.end())
    kind = Comparison(comparison[0])
    pattern = _pattern(written, text, comparison.end()) if kind in _REGULAR else None
    return Matcher(_unescaped(label[1] or label[2]), kind, text, pattern)


def _text(written: str, start: int) -> str:
    quoted = _QUOTED.fullmatch(written, start)
    if quoted is not None:
        return _unescaped(quoted[1])
    bare = written[start:].strip()
    at = bare.find('"')
    if at >= 0:
        where = written.index('"', start)
        raise _wrong(written, where, "a quote stands inside a text: write one matcher an item")
    return _unescaped(bare)


def _pattern(written: str, text: str, start: int) -> re.Pattern[str]:
    try:
        return re.compile(text, re.DOTALL)
    except re.error as error:
        raise _wrong(written, start, f"this is no regular expression: {error}") from None


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _wrong(written: str, offset: int, what: str) -> ValueError:
    return ValueError(f'{written!r} is no matcher, such as host="db-1": {what} (at {offset + 1})')
