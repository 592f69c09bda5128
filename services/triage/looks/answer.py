"""What a look came to, and how values are found in a text."""

import json
from dataclasses import dataclass
from typing import Final

from services.triage.evidence import Fact
from shared.errors import HandrailError
from shared.events import OutputRule
from shared.runbook.node import Output
from shared.runbook.outputs import extracted

#: A value that is larger than this, as JSON in bytes, is a file and no fact.
VALUE_MOST: Final = 8 * 1024
_LINE: Final = OutputRule(regex=r"\A\s*(\S(?:.*\S)?)\s*\Z")


class NoValueError(HandrailError):
    """An answer came, and the value that was wanted is not in it."""


@dataclass(frozen=True)
class Answer:
    """A value; ``detail`` is what else is worth knowing, such as of how many it is the first."""

    value: Fact
    detail: str = ""


def sized(value: Fact) -> Fact:
    """The value itself.

    Raises:
        NoValueError: it is larger than a fact is.
    """
    size = len(json.dumps(value).encode())
    if size > VALUE_MOST:
        raise NoValueError(f"the value has {size} bytes, {VALUE_MOST} at most: take less of it")
    return value


def found(output: Output | None, text: str) -> Fact:
    """The value in a text, by the rules for the outputs of runbooks' steps.

    Raises:
        NoValueError: it is not there, or not what it is declared to be.
    """
    values = extracted({"value": _rule(output)}, text)
    if "value" not in values:
        raise NoValueError(_missing(output, text))
    return sized(values["value"])


def _rule(output: Output | None) -> OutputRule:
    if output is None:
        return _LINE
    return OutputRule(
        regex=output.regex, json_path=output.json_path, type=output.type, pattern=output.pattern
    )


def _missing(output: Output | None, text: str) -> str:
    if not text.strip():
        return "the answer is empty"
    if output is None:
        return "the answer is not one plain line: say with `output` what to take of it"
    way = f"json {output.json_path}" if output.json_path else f"regex {output.regex}"
    return f"{way} finds no {output.type} in the answer"
