"""Times of day, days of the week, and moments, as people write them in ``handrail.yaml``."""

import re
from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainSerializer

from shared.config.section import Section

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @property
    def number(self) -> int:
        """As ``date.weekday`` counts: Monday is 0."""
        return _WEEK.index(self)


_WEEK: Final = tuple(Weekday)
_GROUPS: Final = {
    "weekdays": _WEEK[:5],
    "weekend": _WEEK[5:],
    "every day": _WEEK,
}


def _clock(written: Any) -> time:
    if isinstance(written, time):
        return written
    found = _CLOCK.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError(f"{written!r} is no time of day: write one as '09:00' or '17:30'")
    return time(int(found[1]), int(found[2]))


def _days(written: Any) -> Any:
    return _GROUPS.get(written, (written,)) if isinstance(written, str) else written


def _moment(written: Any) -> datetime:
    if isinstance(written, datetime):
        # A plain one, whatever a reader of YAML makes of it.
        return datetime.fromisoformat(written.isoformat())
    try:
        return datetime.fromisoformat(written)
    except (TypeError, ValueError):
        raise ValueError(f"{written!r} is no time, such as 2026-11-22T09:00") from None


def _day(written: Any) -> date:
    if isinstance(written, date) and not isinstance(written, datetime):
        return date.fromisoformat(written.isoformat())
    try:
        return date.fromisoformat(written)
    except (TypeError, ValueError):
        raise ValueError(f"{written!r} is no day, such as 2026-11-22") from None


ClockTime = Annotated[
    time, BeforeValidator(_clock), PlainSerializer(lambda clock: f"{clock:%H:%M}")
]
#: Days by their names, or ``weekdays``, ``weekend`` or ``every day``.
Days = Annotated[tuple[Weekday, ...], BeforeValidator(_days), Field(min_length=1)]
#: With an offset, or without one: then it is of the zone that stands beside it.
Moment = Annotated[datetime, BeforeValidator(_moment)]
Day = Annotated[date, BeforeValidator(_day)]


class Hours(Section):
    """From one time of day to another, on some days; where ``to`` is not later, to the next day.

    ``from: "20:00"`` and ``to: "08:00"`` on Friday ends on Saturday morning.
    """

    days: Days = _WEEK
    from_: Annotated[ClockTime, Field(alias="from")]
    to: ClockTime
