"""Waiting: for a time, or until a time.

Both are counted from when the step began, wherever that was: who takes a step over waits for what
is left.
"""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_serializer

from shared.calls.call import Call
from shared.durations import PositiveDuration, spoken
from shared.lifecycle import Effect

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
#: Longer than this no step is kept waiting.
LONGEST: Final = timedelta(days=7)


def _short_enough(span: timedelta) -> timedelta:
    if span > LONGEST:
        raise ValueError("is longer than 7 days")
    return span


def _point(written: str) -> str:
    if not _CLOCK.fullmatch(written) and _instant(written) is None:
        raise ValueError("is no time: write 06:30, or 2026-03-01T06:30:00Z with its zone")
    return written


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("is no time zone: write one as Europe/Berlin") from None
    return name


class WaitFor(Call):
    """Wait for a time."""

    action: ClassVar = "for"
    effect: ClassVar = Effect.READ_ONLY
    has_dry_run: ClassVar = True

    duration: Annotated[PositiveDuration, AfterValidator(_short_enough)]

    @field_serializer("duration")
    def _written(self, span: timedelta) -> str:
        return spoken(span)

    def ends(self, began: datetime) -> datetime:
        """When a wait that began then is over."""
        return began + self.duration


class WaitUntil(Call):
    """Wait until a clock in ``zone`` shows ``time`` next, or until a moment."""

    action: ClassVar = "until"
    effect: ClassVar = Effect.READ_ONLY
    has_dry_run: ClassVar = True

    time: Annotated[str, AfterValidator(_point)]
    zone: Annotated[str, AfterValidator(_zone)] = Field("UTC", description="Of a time like 06:30.")

    def ends(self, began: datetime) -> datetime:
        """When a wait that began then is over; at once where a moment is past."""
        moment = _instant(self.time)
        if moment is not None:
            return max(began, moment)
        return _next(time.fromisoformat(self.time), ZoneInfo(self.zone), began)


ACTIONS: Final[tuple[type[Call], ...]] = (WaitFor, WaitUntil)


def _next(clock: time, zone: ZoneInfo, began: datetime) -> datetime:
    local = began.astimezone(zone)
    for days in range(2):
        day = local.date() + timedelta(days=days)
        # In a night with a change of clocks this is the first of two, or the time after the gap.
        met = datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
        if met > began:
            return met
    return met


def _instant(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
