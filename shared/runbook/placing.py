"""Putting values into templates, each quoted for exactly the place where it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from shared.runbook import promql, quoting, shell
from shared.runbook.quoting import ValueRefusedError
from shared.runbook.template import Cut, Mistake, Placeholder, Text, cut
from shared.runbook.values import Value, text_of

Quote = Callable[[str], str]


class Kind(Enum):
    """What a template makes."""

    COMMAND = auto()
    URL = auto()
    QUERY = auto()
    NAME = auto()
    TEXT = auto()


class Patterned(str):
    """The value of a parameter that has a pattern: its author said what it may be."""

    __slots__ = ()


def placed(value: Value, *, patterned: bool) -> Any:
    """A value as templates have it; ``patterned`` when its author fixed its form.

    Whole numbers stay numbers, so that templates can reckon with them.
    """
    match value:
        case bool():
            return Patterned(text_of(value))
        case list():
            return [placed(item, patterned=patterned) for item in value]
        case int() if value >= 0 or not patterned:
            return value
    return Patterned(text_of(value)) if patterned else text_of(value)


@dataclass(frozen=True)
class Prepared:
    """A template whose placeholders have been judged.

    ``guarded`` are placeholders where only a parameter with a pattern may stand, and why.
    """

    cut: Cut
    mistakes: tuple[Mistake, ...]
    quotes: Mapping[int, Quote]
    finish: Quote
    guarded: Mapping[int, str]

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with the values in it.

        Raises:
            ValueMissingError: a placeholder has no value.
            ValueRefusedError: a value cannot be put where it stands.
        """
        return self.finish("".join(self._rendered(part, values) for part in self.cut.parts))

    def _rendered(self, part: Text | Placeholder, values: Mapping[str, Any]) -> str:
        if isinstance(part, Text):
            return part.text
        value = part.value(values)
        written = f"{{{{ {part.expression} }}}}"
        if part.offset in self.guarded and not isinstance(value, Patterned):
            raise ValueRefusedError(f"{written} {self.guarded[part.offset]}: it needs a pattern")
        try:
            return self.quotes[part.offset](value)
        except ValueRefusedError as refused:
            raise ValueRefusedError(f"{written} {refused}") from refused


@lru_cache(maxsize=8192)
def prepared(template: str, kind: Kind) -> Prepared:
    """Judge a template; it may be rendered when there are no mistakes."""
    parts = cut(template)
    match kind:
        case Kind.COMMAND:
            return _command(parts)
        case Kind.URL:
            return _url(parts)
        case Kind.QUERY:
            return _query(parts)
        case Kind.NAME:
            return _plain(parts, quoting.as_name)
        case Kind.TEXT:
            return _plain(parts, str)


def _command(parts: Cut) -> Prepared:
    judged = shell.judged(parts.parts)
    return Prepared(
        parts,
        parts.mistakes + judged.mistakes,
        {placeholder.offset: _argument for placeholder in parts.placeholders},
        str.strip,
        {program.offset: "names the program that is run" for program in judged.programs},
    )


def _argument(value: str) -> str:
    if value.startswith("-") and not isinstance(value, Patterned):
        raise ValueRefusedError(
            f"is {value!r}, which would be read as an option: give its parameter a pattern"
        )
    return quoting.in_shell(value)


def _url(parts: Cut) -> Prepared:
    """At the beginning a value is scheme and host, as they are; elsewhere it is percent-encoded."""
    quotes: dict[int, Quote] = {p.offset: quoting.in_url for p in parts.placeholders}
    first = next((p.offset for p in parts.placeholders if p.offset == 0), None)
    if first is None:
        return Prepared(parts, parts.mistakes, quotes, quoting.as_url, {})
    quotes[first] = quoting.checked
    return Prepared(parts, parts.mistakes, quotes, quoting.as_url, {first: "begins the URL"})


def _query(parts: Cut) -> Prepared:
    regexes, mistakes = promql.strings(parts.parts)
    quotes: dict[int, Quote] = {
        offset: quoting.in_regex if regex else quoting.in_string
        for offset, regex in regexes.items()
    }
    return Prepared(parts, parts.mistakes + mistakes, quotes, str.strip, {})


def _plain(parts: Cut, finish: Quote) -> Prepared:
    quotes: dict[int, Quote] = {p.offset: quoting.checked for p in parts.placeholders}
    return Prepared(parts, parts.mistakes, quotes, finish, {})
