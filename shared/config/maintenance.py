"""``maintenance``: when alerts open no tickets that anybody deals with, and which."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from shared.alertwords import AlertCondition
from shared.config.section import Section
from shared.durations import PositiveDuration
from shared.matchers import matcher
from shared.recurrence import Once, Recurring, Schedule, Span, instant
from shared.rrules import rrule_of

_HOW_OFTEN: Final = (
    "say `ends` for a window that comes once, or `duration`, `rrule` and `timezone` for one that "
    "comes again"
)


def _time(written: Any) -> datetime:
    if isinstance(written, date):
        # Plain ones, whatever a reader of YAML makes of them.
        written = written.isoformat()
    if not isinstance(written, str):
        raise ValueError(f"{written!r} is no time, such as 2026-11-22T02:00:00+01:00")  # noqa: TRY004 pydantic's
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(f"{written!r} is no time, such as 2026-11-22T02:00:00+01:00") from None


def _time_or_day(written: Any) -> date:
    if isinstance(written, date) and not isinstance(written, datetime):
        return written
    try:
        return date.fromisoformat(written)
    except (TypeError, ValueError):
        return _time(written)


def _zone(written: str) -> str:
    try:
        ZoneInfo(written)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {written!r}: write one as Europe/Berlin") from None
    return written


def _checked_matcher(written: str) -> str:
    matcher(written)
    return written


def _checked_rule(written: str) -> str:
    rrule_of(written)
    return written


Time = Annotated[datetime, BeforeValidator(_time)]


class MaintenanceWindow(Section):
    """Alerts that are like this open closed tickets while it lasts, with the window's name.

    Which: all ``matchers`` (as Alertmanager writes them) and ``when`` have to hold, or ``all``. A
    window comes once, from ``starts`` to ``ends``, or again and again: from ``starts`` on by the
    recurrence rule ``rrule`` of iCalendar for ``duration``, by the clock of ``timezone`` and not at
    ``exdates``. A time without an offset is of ``timezone``.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    when: AlertCondition | None = None
    matchers: tuple[Annotated[str, AfterValidator(_checked_matcher)], ...] = ()
    all: bool = False
    starts: Time
    ends: Time | None = None
    duration: PositiveDuration | None = None
    rrule: Annotated[str, AfterValidator(_checked_rule)] | None = None
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    exdates: tuple[Annotated[date, PlainValidator(_time_or_day)], ...] = ()

    @model_validator(mode="after")
    def _says_which(self) -> "MaintenanceWindow":
        chosen = self.when is not None or bool(self.matchers)
        if chosen == self.all:
            raise ValueError(
                "say which alerts it is for, with `matchers` or `when`, or `all: true` for all"
            )
        return self

    @model_validator(mode="after")
    def _says_when(self) -> "MaintenanceWindow":
        for wrong in self._wrong_times():
            raise ValueError(wrong)
        schedule = self.schedule()
        if isinstance(schedule, Recurring):
            _check_happens(schedule)
        elif schedule.span.ends <= schedule.span.starts:
            raise ValueError(f"it ends ({self.ends}) before it starts ({self.starts})")
        return self

    def _wrong_times(self) -> Iterator[str]:
        if (self.ends is None) != (self.rrule is not None):
            yield _HOW_OFTEN
        if self.ends is not None and (self.duration is not None or self.exdates):
            yield f"`duration` and `exdates` do not go with `ends`: {_HOW_OFTEN}"
        if self.rrule is not None and (self.duration is None or self.timezone is None):
            missing = "duration" if self.duration is None else "timezone"
            yield f"`{missing}` is missing: {_HOW_OFTEN}"
        for at in (self.starts, self.ends, *self.exdates):
            if isinstance(at, datetime) and at.tzinfo is None and self.timezone is None:
                yield (
                    f"{at.isoformat()} has no offset: write it with one, as "
                    f"{at.isoformat()}+01:00, or say `timezone: Europe/Berlin`"
                )

    def schedule(self) -> Schedule:
        """When it is."""
        if self.rrule is None or self.duration is None or self.timezone is None:
            return Once(Span(self._instant(self.starts), self._instant(self.ends or self.starts)))
        zone = ZoneInfo(self.timezone)
        wall = self._instant(self.starts).astimezone(zone).replace(tzinfo=None)
        return Recurring(
            rule=rrule_of(self.rrule),
            first=wall.replace(microsecond=0),
            zone=zone,
            length=self.duration,
            without=frozenset(
                self._instant(day) if isinstance(day, datetime) else day for day in self.exdates
            ),
        )

    def _instant(self, at: datetime) -> datetime:
        if at.tzinfo is None and self.timezone is not None:
            return instant(at, ZoneInfo(self.timezone))
        return at.astimezone(UTC)


def _check_happens(schedule: Recurring) -> None:
    try:
        happens = next(schedule.spans(schedule.first), None) is not None
    except ValueError:
        # So says dateutil of hours that the interval never hits.
        happens = False
    if not happens:
        raise ValueError("by its `rrule` and `exdates` it never happens (within 50 years)")
    for at in schedule.without:
        if not schedule.happens(at):
            raise ValueError(f"exdates: it would not begin at {_said(at, schedule)} anyway")


def _said(at: date, schedule: Recurring) -> str:
    return str(at.astimezone(schedule.zone) if isinstance(at, datetime) else at)


def _each_name_once(windows: tuple[MaintenanceWindow, ...]) -> tuple[MaintenanceWindow, ...]:
    names = [window.name for window in windows]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the window {name!r} is there twice: tickets name their window")
    return windows


#: What ``maintenance`` in ``handrail.yaml`` is.
Maintenance = Annotated[tuple[MaintenanceWindow, ...], AfterValidator(_each_name_once)]
