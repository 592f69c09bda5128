"""Where in a PowerShell command a placeholder may stand, and how a value is written there.

A value becomes a string in single quotes, in which PowerShell expands nothing. It has to be an
argument of its own: glued to other text it would be two arguments, or one, as PowerShell sees fit.
(about_Quoting_Rules, about_Parsing, about_Special_Characters.)
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from shared.runbook.quoting import ValueRefusedError, checked
from shared.runbook.template import Mistake, Part, Placeholder

#: PowerShell takes typographic quotes for plain ones.
_SINGLE: Final = "'\u2018\u2019\u201a\u201b"
_DOUBLE: Final = '"\u201c\u201d\u201e'
_BEFORE: Final = " \t\n(,=;|{["
_BEHIND: Final = " \t\n),;|}]"
_CODE: Final = re.compile(
    r"(?i)(?<![\w-])(iex|invoke-expression|icm|invoke-command|powershell(\.exe)?|pwsh(\.exe)?|"
    r"cmd(\.exe)?|add-type|new-module|\[scriptblock\]|-(encodedcommand|command|scriptblock))"
    r"(?![\w-])"
)
_HERE: Final = {f"@{quote}": f"\n{quote}@" for quote in "'\""}


def quoted(value: str) -> str:
    """One string of PowerShell.

    Raises:
        ValueRefusedError: it has a double quote, which Windows PowerShell does not pass on whole.
    """
    text = checked(value)
    if any(char in text for char in _DOUBLE) or text.endswith("\\"):
        raise ValueRefusedError(
            f"is {value!r}: a double quote, or a backslash at its end, does not reach programs "
            "as it is"
        )
    return "'" + "".join(char * 2 if char in _SINGLE else char for char in text) + "'"


def judged(parts: Iterable[Part]) -> tuple[tuple[Mistake, ...], tuple[Placeholder, ...]]:
    """The mistakes in a command, and the placeholders that name what is run."""
    flat = _Flat(parts)
    if not flat.placeholders:
        return (), ()
    return tuple(flat.mistakes()), tuple(flat.programs())


class _Flat:
    """A command with a NUL for each placeholder."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.placeholders: dict[int, Placeholder] = {}
        self.text = ""
        for part in parts:
            if isinstance(part, Placeholder):
                self.placeholders[len(self.text)] = part
                self.text += "\0"
            else:
                self.text += part.text

    def mistakes(self) -> Iterator[Mistake]:
        closed = list(_closed(self.text))
        for at, placeholder in self.placeholders.items():
            if why := self._wrong(at, closed):
                yield Mistake(placeholder.offset, f"{{{{ {placeholder.expression} }}}} {why}")

    def programs(self) -> Iterator[Placeholder]:
        for at, placeholder in self.placeholders.items():
            if re.search(r"(^|[;|({&\n.]|=)[ \t]*[&.][ \t]*\Z|\A[&.][ \t]*\Z", self.text[:at]):
                yield placeholder

    def _wrong(self, at: int, closed: list[tuple[int, int, str]]) -> str:
        for start, end, what in closed:
            if start < at < end:
                return f"stands in {what}: take that away, the value is quoted by itself"
        before, behind = self.text[at - 1 : at], self.text[at + 1 : at + 2]
        if (before and before not in _BEFORE) or (behind and behind not in _BEHIND):
            return "is glued to other text: make it an argument of its own"
        statement = re.split(r"[;|]|(?<!`)\n", self.text[:at])[-1]
        if _CODE.search(statement):
            return "stands where PowerShell reads code: give it as an argument to something else"
        return ""


def _closed(text: str) -> Iterator[tuple[int, int, str]]:
    """Quotes and comments: where they begin and end, and what they are."""
    at = 0
    while at < len(text):
        start = at
        if text[at : at + 2] in _HERE:
            at = _behind(text, _HERE[text[at : at + 2]], at + 2)
            yield start, at, "a here-string"
        elif text.startswith("<#", at):
            at = _behind(text, "#>", at + 2)
            yield start, at, "a comment"
        elif text[at] == "#" and (not at or text[at - 1] in " \t\n;(){}|,"):
            at = _behind(text, "\n", at + 1)
            yield start, at, "a comment"
        elif text[at] in _SINGLE + _DOUBLE:
            at = _string(text, at)
            yield start, at, "quotes"
        else:
            at += 2 if text[at] == "`" else 1


def _behind(text: str, closing: str, at: int) -> int:
    end = text.find(closing, at)
    return len(text) if end < 0 else end + len(closing)


def _string(text: str, at: int) -> int:
    """Where a string ends; in double quotes a backtick takes the next character."""
    kind = _SINGLE if text[at] in _SINGLE else _DOUBLE
    at += 1
    while at < len(text):
        escapes = kind is _DOUBLE and text[at] == "`"
        if escapes or (text[at] in kind and text[at + 1 : at + 2] in tuple(kind)):
            at += 2
        elif text[at] in kind:
            return at + 1
        else:
            at += 1
    return len(text)
