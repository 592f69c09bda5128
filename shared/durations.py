"""Durations as people write them: ``60s``, ``5m``, ``2h``."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_UNITS: Final = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WRITTEN: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)")
# Longer than any plan is worth waiting for; it catches a unit that was not meant.
_LONGEST: Final = timedelta(days=30)


def duration(written: Any) -> timedelta:
    """A written duration.

    Raises:
        ValueError: it is none, or longer than 30 days.
    """
    if isinstance(written, timedelta):
        return written
    found = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if not found:
        raise ValueError(f"{written!r} is no duration: write a number and its unit, as 60s, 5m, 2h")
    span = timedelta(**{_UNITS[found[2]]: float(found[1])})
    if span > _LONGEST:
        raise ValueError(f"{written} is longer than 30 days")
    return span


def _positive(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return span


def spoken(span: timedelta) -> str:
    """A duration as people write it, in the largest unit that says it whole: ``5m``."""
    milliseconds = span // timedelta(milliseconds=1)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_WRITTEN.pattern}$"}),
]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
