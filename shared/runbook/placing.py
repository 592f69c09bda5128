"""Putting values into templates, each quoted for exactly the place where it stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final

from shared.calls.call import Reads
from shared.runbook import calltexts, powershell, promql, quoting, shell, sql
from shared.runbook.quoting import ValueRefusedError
from shared.runbook.template import Cut, Mistake, Placeholder, Text, cut
from shared.runbook.values import Value, text_of

Quote = Callable[[str], str]


class Kind(Enum):
    """What a template makes."""

    COMMAND = auto()
    POWERSHELL = auto()
    SCRIPT = auto()
    SQL = auto()
    URL = auto()
    QUERY = auto()
    NAME = auto()
    TEXT = auto()
    ARGUMENT = auto()
    """One argument of a program."""
    PATH = auto()
    """A part of a URL behind its host."""
    LITERAL = auto()
    """A text in which no value may stand."""


@dataclass(frozen=True)
class CallOf:
    """A template makes a call of a family; see ``calltexts``."""

    uses: str


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


@dataclass(frozen=True)
class PreparedStatement(Prepared):
    """A statement, whose values stand below it."""

    def render(self, values: Mapping[str, Any]) -> str:
        return sql.filled(self.cut, values).written()


@lru_cache(maxsize=8192)
def prepared(template: str, kind: Kind | CallOf) -> Prepared:
    """Judge a template; it may be rendered when there are no mistakes."""
    parts = cut(template)
    if isinstance(kind, CallOf):
        quotes = calltexts.quotes(parts, kind.uses, _READS)
        return Prepared(parts, parts.mistakes, quotes, calltexts.checked(kind.uses), {})
    if kind in _PLAIN:
        return _plain(parts, *_PLAIN[kind])
    return _JUDGED[kind](parts)


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
    return quoting.in_shell(_no_option(value))


def _powershell(parts: Cut) -> Prepared:
    mistakes, programs = powershell.judged(parts.parts)
    return Prepared(
        parts,
        parts.mistakes + mistakes,
        {placeholder.offset: _powershell_argument for placeholder in parts.placeholders},
        str.strip,
        {program.offset: "names the program that is run" for program in programs},
    )


def _powershell_argument(value: str) -> str:
    return powershell.quoted(_no_option(value))


def _no_option(value: str) -> str:
    if value.startswith("-") and not isinstance(value, Patterned):
        raise ValueRefusedError(
            f"is {value!r}, which would be read as an option: give its parameter a pattern"
        )
    return quoting.checked(value)


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


def _statement(parts: Cut) -> Prepared:
    return PreparedStatement(parts, sql.judged(parts), {}, str, {})


def _literal(parts: Cut) -> Prepared:
    mistakes = tuple(
        Mistake(placeholder.offset, calltexts.LITERAL_ONLY) for placeholder in parts.placeholders
    )
    quotes: dict[int, Quote] = {p.offset: calltexts.literally for p in parts.placeholders}
    return Prepared(parts, parts.mistakes + mistakes, quotes, str, {})


def _plain(parts: Cut, quote: Quote, finish: Quote) -> Prepared:
    quotes: dict[int, Quote] = {p.offset: quote for p in parts.placeholders}
    return Prepared(parts, parts.mistakes, quotes, finish, {})


#: Kinds in which it does not matter where a value stands: how it is written, and the whole.
_PLAIN: Final[Mapping[Kind, tuple[Quote, Quote]]] = {
    Kind.NAME: (quoting.checked, quoting.as_name),
    Kind.TEXT: (quoting.checked, str),
    Kind.ARGUMENT: (_no_option, str),
    Kind.PATH: (quoting.in_url, str),
    Kind.SCRIPT: (_argument, str),
}
#: Kinds in which it does.
_JUDGED: Final[Mapping[Kind, Callable[[Cut], Prepared]]] = {
    Kind.COMMAND: _command,
    Kind.POWERSHELL: _powershell,
    Kind.SQL: _statement,
    Kind.URL: _url,
    Kind.QUERY: _query,
    Kind.LITERAL: _literal,
}
#: How a value is written into an argument of a call, before JSON's own quotes.
_READS: Final[Mapping[Reads, Quote]] = {
    Reads.TEXT: quoting.checked,
    Reads.PATH: quoting.in_url,
    Reads.SHELL: _argument,
    Reads.ARGUMENTS: _no_option,
    Reads.LITERAL: calltexts.literally,
}
