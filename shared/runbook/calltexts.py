"""Calls in runbooks: their texts as templates, and how a value stands in each argument."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from shared.calls.call import (
    Call,
    MalformedCallError,
    Reads,
    as_json,
    named,
    parsed,
    reads,
    written,
)
from shared.calls.call import arguments as arguments_of
from shared.calls.families import FAMILIES
from shared.runbook import quoting
from shared.runbook.quoting import ValueRefusedError
from shared.runbook.template import Cut, Text, cut, literal

Quote = Callable[[str], str]


def template_of(uses: str, action: str, given: Mapping[str, Any]) -> str:
    """The canonical text, with the placeholders of the arguments where they stand in them.

    Raises:
        ValueError: an argument is nothing that JSON has.
    """
    model = named(FAMILIES.get(uses, ()), action)
    order = list(arguments_of(model)) if model is not None else []
    names = [name for name in order if name in given]
    names += [name for name in given if name not in order]
    return written(literal(action), ((literal(name), _template(given[name])) for name in names))


def _template(value: Any) -> str:
    match value:
        case str():
            return '"' + "".join(_pieces(value)) + '"'
        case Mapping():
            inside = (f"{literal(as_json(name))}: {_template(one)}" for name, one in value.items())
            return "{" + ", ".join(inside) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_template, value)) + "]"
    return as_json(value)


def _pieces(value: str) -> Iterator[str]:
    for part in cut(value).parts:
        if isinstance(part, Text):
            yield literal(as_json(part.text)[1:-1])
        else:
            yield "{{ " + " ".join(part.expression.splitlines()) + " }}"


def quotes(parts: Cut, uses: str, plain: Mapping[Reads, Quote]) -> dict[int, Quote]:
    """How each value is written into a call's template; ``plain`` has it without JSON's quotes."""
    model: type[Call] | None = None
    found: dict[int, Quote] = {}
    line, first = "", True
    for part in parts.parts:
        if isinstance(part, Text):
            before, _, line = (line + part.text).rpartition("\n")
            if first and before:
                model, first = named(FAMILIES.get(uses, ()), before.partition("\n")[0]), False
        else:
            argument = line.partition(":")[0]
            how = reads(model, argument) if model is not None else Reads.LITERAL
            found[part.offset] = _in_json(plain[how])
    return found


def _in_json(quote: Quote) -> Quote:
    def quoted(value: str) -> str:
        return quoting.in_json(quote(value))

    return quoted


def checked(uses: str) -> Quote:
    """What is done with a finished text: it has to be a call of its family."""

    def finish(text: str) -> str:
        try:
            parsed(FAMILIES.get(uses, ()), text)
        except MalformedCallError as error:
            raise ValueRefusedError(str(error)) from error
        return text

    return finish


def literally(value: str) -> str:
    """For what no value may come into.

    Raises:
        ValueRefusedError: always.
    """
    raise ValueRefusedError(f"stands where its author writes the text itself, not {value!r}")


LITERAL_ONLY: Final = "the author of the runbook writes this argument out: no value comes into it"
