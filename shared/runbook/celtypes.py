"""What can be told of the types in a condition: it is tried on values of the types it will see."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cel

from shared.runbook.conditions import compiled
from shared.runbook.template import Mistake

_LITERAL: Final = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?|true|false"
_NAMES: Final = r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+|\[\"[^\"]*\"\]|\['[^']*'\])*"
_EQUALS: Final = re.compile(
    rf"(?P<left>{_NAMES})\s*(?:==|!=)\s*(?P<right>{_LITERAL})"
    rf"|(?P<before>{_LITERAL})\s*(?:==|!=)\s*(?P<behind>{_NAMES})(?!\s*\()"
)
_PIECE: Final = re.compile(r"\w+")
_NO_FUNCTION: Final = re.compile(r"Undefined variable or function: '(\w+)'")


@dataclass(frozen=True)
class Known:
    """What is known of a value: ``number``, ``text``, ``bool`` or ``list``, and what it may be."""

    kind: str
    values: frozenset[str] = frozenset()


def mistyped(
    text: str, samples: Sequence[Mapping[str, Any]], known: Mapping[tuple[str, ...], Known]
) -> tuple[Mistake, ...]:
    """What cannot be meant in a condition that is CEL and knows its names.

    ``samples`` are what it may be asked over, ``known`` the types of what it may compare.
    """
    found = [*_never_equal(text, known), *_tried(text, samples)]
    return (
        tuple(found[:1]) if len(found) > 1 and found[0].offset == found[1].offset else tuple(found)
    )


def is_never(text: str) -> bool:
    """Whether a condition is false whatever it is asked over."""
    try:
        program = compiled(text)
        return not program.variables() and program.execute({}) is False
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return False


def _tried(text: str, samples: Sequence[Mapping[str, Any]]) -> Iterator[Mistake]:
    program = compiled(text)
    strange: list[Any] = []
    for sample in samples:
        wrong = _trial(program, sample, strange)
        if wrong:
            yield Mistake(0, wrong)
            return
    if strange and len(strange) == len(samples):
        yield Mistake(0, f"it is {strange[0]!r}, neither true nor false: compare it with something")


def _trial(program: cel.Program, sample: Mapping[str, Any], strange: list[Any]) -> str:
    try:
        result = program.execute(dict(sample))
    except TypeError as error:
        return f"its types do not go together: {_short(str(error))}"
    except RuntimeError as error:
        function = _NO_FUNCTION.search(str(error))
        return f"{function[1]} does not go with what it is given" if function else ""
    except (ArithmeticError, LookupError, ValueError):
        return ""
    if not isinstance(result, bool):
        strange.append(result)
    return ""


def _never_equal(text: str, known: Mapping[tuple[str, ...], Known]) -> Iterator[Mistake]:
    for found in _EQUALS.finditer(text):
        names = found["left"] or found["behind"]
        literal = found["right"] or found["before"]
        fact = known.get(tuple(_PIECE.findall(names)))
        if fact is None:
            continue
        kind = _kind(literal)
        if kind != fact.kind:
            types = f"{names} is {_said(fact.kind)}, {literal} is {_said(kind)}"
            yield Mistake(found.start(), f"{types}: they are never equal")
        elif fact.values and literal[1:-1] not in fact.values:
            values = ", ".join(sorted(fact.values))
            yield Mistake(found.start(), f"{names} is never {literal}: it is one of {values}")


def _kind(literal: str) -> str:
    if literal[0] in "\"'":
        return "text"
    return "bool" if literal in ("true", "false") else "number"


def _said(kind: str) -> str:
    return {"text": "a text", "bool": "true or false", "number": "a number", "list": "a list"}[kind]


def _short(error: str) -> str:
    told = error.partition(". CEL does not coerce")[0]
    return told.partition(":")[2].strip().rstrip(".") or told
