"""Values of parameters and outputs: read as what they are declared to be, written as texts."""

import math
import re
from typing import Any, Final

from shared.durations import duration
from shared.events import ValueType

Value = str | int | float | bool | list[str]

_INTEGER: Final = re.compile(r"[+-]?\d{1,18}")
_NUMBER: Final = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?")
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
#: More items than this are no list that a plan is made for.
ITEMS_MOST: Final = 1000


class WrongTypeError(ValueError):
    """A value is not what it is declared to be."""


def typed(given: Any, kind: ValueType, *, separator: str = ",") -> Value:
    """What was given, a text or a value of JSON, as a value of a type.

    A duration stays the text that it is written as. A text becomes a list by its separator.

    Raises:
        WrongTypeError: it is none.
    """
    match kind:
        case ValueType.INTEGER:
            return _integer(given)
        case ValueType.NUMBER:
            return _number(given)
        case ValueType.BOOLEAN:
            return _boolean(given)
        case ValueType.LIST:
            return _list(given, separator)
        case ValueType.DURATION:
            return _duration(given)
    return _text(given)


def text_of(value: Value) -> str:
    """A value as people read it, and as it is put into a text."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return ", ".join(value)
    return str(value)


def _text(given: Any) -> str:
    match given:
        case str():
            return given
        case bool() | int():
            return text_of(given)
        case float() if math.isfinite(given):
            return str(given)
    raise WrongTypeError("is no text")


def _integer(given: Any) -> int:
    match given:
        case bool():
            raise WrongTypeError("is true or false")
        case int():
            return given
        case float() if given.is_integer():
            return int(given)
        case str() if _INTEGER.fullmatch(given.strip()):
            return int(given)
    raise WrongTypeError("is no whole number")


def _number(given: Any) -> float | int:
    match given:
        case bool():
            raise WrongTypeError("is true or false")
        case int():
            return given
        case float() if math.isfinite(given):
            return given
        case str() if _NUMBER.fullmatch(given.strip()):
            found = float(given)
            return int(found) if found.is_integer() and abs(found) < 2**53 else _finite(found)
    raise WrongTypeError("is no number")


def _finite(found: float) -> float:
    if not math.isfinite(found):
        raise WrongTypeError("is too large for a number")
    return found


def _boolean(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    found = _BOOLEANS.get(given.strip().lower()) if isinstance(given, str) else None
    if found is None:
        raise WrongTypeError("is neither true nor false")
    return found


def _duration(given: Any) -> str:
    written = given.strip() if isinstance(given, str) else given
    try:
        duration(written)
    except ValueError as error:
        raise WrongTypeError("is no duration: as 60s, 5m, 2h") from error
    return str(written)


def _list(given: Any, separator: str) -> list[str]:
    match given:
        case str():
            items = [piece.strip() for piece in given.split(separator)]
        case list() | tuple():
            items = [_text(item) for item in given]
        case _:
            raise WrongTypeError("is no list")
    found = [item for item in items if item]
    if len(found) > ITEMS_MOST:
        raise WrongTypeError(f"has more than {ITEMS_MOST} items")
    return found
