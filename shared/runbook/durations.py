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


Duration = Annotated[timedelta, BeforeValidator(duration), WithJsonSchema({"type": "string"})]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
