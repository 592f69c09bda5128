"""Conditions in CEL: checked when a runbook is loaded, asked when an alert comes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import cel

from shared.runbook.template import Mistake

_WHERE: Final = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_STRING: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
#: Names that a macro binds: `labels.all(key, …)`.
_BOUND: Final = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,")
_STANDARD: Final = (
    "size contains startsWith endsWith matches int uint double string bytes bool type dyn has "
    "max min timestamp duration getFullYear getMonth getDate getDayOfMonth getDayOfWeek "
    "getDayOfYear getHours getMinutes getSeconds getMilliseconds"
)
_FUNCTIONS: Final = frozenset(_STANDARD.split())
_MEMBER: Final = re.compile(r"\.\s*([A-Za-z_]\w*)|\[\s*(?:\"([^\"]*)\"|'([^']*)')\s*\]")


@dataclass(frozen=True)
class Answer:
    """Whether a condition holds; ``problem`` says why it could not be told (then it does not).

    ``missing`` says that it only looked at something that is not there.
    """

    holds: bool
    problem: str = ""
    missing: bool = False


def mistakes(text: str, *, variables: frozenset[str]) -> tuple[Mistake, ...]:
    """Everything wrong with a condition that knows these variables."""
    try:
        program = compiled(text)
    except ValueError as error:
        return (_syntax(text, str(error)),)
    bare = _STRING.sub(lambda found: " " * len(found[0]), text)
    bound = frozenset(_BOUND.findall(bare))
    found = [
        Mistake(_offset(bare, name), f"{name} is not known here: there are {_listed(variables)}")
        for name in program.variables()
        if name not in variables | bound
    ]
    found += [
        Mistake(_offset(bare, name), f"there is no function {name}")
        for name in program.functions()
        if name.isidentifier() and not name.startswith("_") and name not in _FUNCTIONS
    ]
    return tuple(sorted(found, key=lambda mistake: mistake.offset))


def members(text: str, variable: str) -> tuple[tuple[str, int], ...]:
    """The members of a variable that are named (``steps.look``, ``steps["look"]``), and where."""
    hidden = _STRING.sub(lambda found: '"' + "x" * (len(found[0]) - 2) + '"', text)
    found = []
    for use in re.finditer(rf"(?<![\w.]){variable}\b", hidden):
        member = _MEMBER.match(text, use.end())
        if member:
            found.append((next(filter(None, member.groups()), ""), use.start()))
    return tuple(found)


def qualified(text: str, prefix: str, *, variables: tuple[str, ...] = ("steps", "params")) -> str:
    """The condition with a prefix before members: ``steps.look`` becomes ``steps["a.look"]``."""
    if not prefix:
        return text
    hidden = _STRING.sub(lambda found: '"' + "x" * (len(found[0]) - 2) + '"', text)
    pieces, at = [], 0
    for use in re.finditer(rf"(?<![\w.])(?:{'|'.join(variables)})\b", hidden):
        member = _MEMBER.match(text, use.end())
        if member:
            name = next(filter(None, member.groups()), "")
            pieces += [text[at : use.end()], f'["{prefix}{name}"]']
            at = member.end()
    return "".join((*pieces, text[at:]))


def chains(text: str, variable: str) -> tuple[tuple[tuple[str, int], ...], ...]:
    """Each use of a variable with the names that follow it, and where each of them stands.

    ``steps.look.outputs.pid`` is look, outputs and pid; the variable itself is not among them.
    """
    hidden = _STRING.sub(lambda found: '"' + "x" * (len(found[0]) - 2) + '"', text)
    found = []
    for use in re.finditer(rf"(?<![\w.]){variable}\b", hidden):
        names, at = [], use.end()
        while (member := _MEMBER.match(text, at)) and not text[member.end() :].lstrip().startswith(
            "("
        ):
            group = next(index for index in (1, 2, 3) if member[index] is not None)
            names.append((member[group], member.start(group)))
            at = member.end()
        found.append(tuple(names))
    return tuple(found)


def facts(text: str, variable: str) -> tuple[tuple[str, int], ...]:
    """What is looked at of the variable's members (``steps.look.exit_code``), and where."""
    hidden = _STRING.sub(lambda found: " " * len(found[0]), text)
    uses = re.finditer(rf"(?<![\w.]){variable}\s*\.\s*\w+\s*\.\s*([A-Za-z_]\w*)", hidden)
    return tuple((use[1], use.start(1)) for use in uses)


def answer(text: str, values: Mapping[str, Any] | cel.Context) -> Answer:
    """Ask a condition. One that looks at something that is not there does not hold.

    Values are turned into CEL's own at each call; a context has them turned once.
    """
    known = values if isinstance(values, cel.Context) else dict(values)
    try:
        result = compiled(text).execute(known)
    except KeyError as missing:
        return Answer(holds=False, problem=f"there is no {missing.args[0]}", missing=True)
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
        return Answer(holds=False, problem=str(error).splitlines()[0])
    if not isinstance(result, bool):
        return Answer(holds=False, problem=f"it is {result!r}, neither true nor false")
    return Answer(holds=result)


@lru_cache(maxsize=8192)
def compiled(text: str) -> cel.Program:
    return cel.compile(text)


def _syntax(text: str, message: str) -> Mistake:
    where = _WHERE.search(message)
    if not where:
        return Mistake(0, "is no CEL expression")
    line, column, reason = int(where[1]), int(where[2]), where[3]
    offset = sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1
    return Mistake(min(offset, len(text)), f"is no CEL expression: {_short(reason)}")


def _short(reason: str) -> str:
    if "error at: '=" in reason:
        return "write == to compare"
    return "it ends too early" if "'<EOF>'" in reason else reason.split(" expecting ", 1)[0]


def _offset(text: str, name: str) -> int:
    found = re.search(rf"\b{re.escape(name)}\b", text)
    return found.start() if found else 0


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
