"""``schedules``: who is on call, by rotations, a calendar, PagerDuty or Opsgenie."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, HttpUrl, model_validator

from shared.config.clocks import ClockTime, Day, Hours, Moment, Weekday
from shared.config.policy import Located, TeamName, ZoneName
from shared.config.section import Section
from shared.durations import duration
from shared.recurrence import instant
from shared.secrets import SecretRef

_NINE: Final = time(9)
_HOUR: Final = timedelta(hours=1)
_WORDS: Final = {"daily": timedelta(days=1), "weekly": timedelta(days=7)}
_HOW: Final = "say `daily`, `weekly`, or whole hours, as 12h"


def _turn(written: Any) -> timedelta:
    if isinstance(written, timedelta):
        return written
    if isinstance(written, str) and written in _WORDS:
        return _WORDS[written]
    try:
        length = duration(written)
    except ValueError as error:
        raise ValueError(f"{error}; or {_HOW}") from None
    if length < _HOUR or length % _HOUR:
        raise ValueError(f"{written} is no length of a turn: {_HOW}")
    return length


class Layer(Section):
    """People who take turns, in this order, from ``starts`` on, and to ``ends`` where there is one.

    Turns change at ``handoff`` by the schedule's clock, in summer and in winter; weekly ones on
    ``weekday``, which is that of ``starts`` where it is not said: then the first turn is shorter.
    ``only`` are the hours at which the layer has anybody on call; at others those before it have.
    """

    name: str = ""
    people: Annotated[tuple[str, ...], Field(min_length=1)]
    rotate: Annotated[timedelta, BeforeValidator(_turn)] = _WORDS["weekly"]
    starts: Day
    ends: Day | None = None
    handoff: ClockTime = _NINE
    weekday: Weekday | None = None
    only: tuple[Hours, ...] = ()

    @model_validator(mode="after")
    def _means_something(self) -> "Layer":
        if self.weekday is not None and self.rotate % _WORDS["weekly"]:
            raise ValueError("`weekday` goes with turns of whole weeks: `rotate: weekly`")
        if self.ends is not None and self.ends <= self.starts:
            raise ValueError(f"it ends ({self.ends}) before it starts ({self.starts})")
        return self


class Override(Section):
    """One person who is on call for a time, whatever else a schedule says."""

    person: str
    from_: Annotated[Moment, Field(alias="from")]
    to: Moment
    reason: str = ""

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when to when."""
        return _of(self.from_, zone), _of(self.to, zone)


class PagerDutySchedule(Section):
    """A schedule in PagerDuty, by its id, which has to be part of an escalation policy there."""

    schedule: Annotated[str, Field(pattern=r"^[A-Z0-9]{4,40}$")]
    token: SecretRef
    url: HttpUrl = HttpUrl("https://api.pagerduty.com")


class OpsgenieSchedule(Section):
    """A schedule in Opsgenie, by its id or its name."""

    schedule: Annotated[str, Field(min_length=1, max_length=100)]
    by: Literal["id", "name"] = "name"
    key: SecretRef
    url: HttpUrl = HttpUrl("https://api.opsgenie.com")


class ScheduleConfig(Section):
    """Who is on call by one schedule, in one of four ways; of layers, by the last that has anybody.

    ``ical`` is a calendar: the address of one, a file, or where an address is kept that is secret.
    ``overrides`` go before all else, the last one first; a time without an offset is of
    ``timezone``.
    """

    timezone: ZoneName = "UTC"
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)] | None = None
    ical: Annotated[str, Field(min_length=1)] | SecretRef | None = None
    pagerduty: PagerDutySchedule | None = None
    opsgenie: OpsgenieSchedule | None = None
    overrides: tuple[Override, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> "ScheduleConfig":
        ways = ("layers", "ical", "pagerduty", "opsgenie")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError(
                "say who is on call by exactly one of layers, ical, pagerduty, opsgenie"
            )
        for override in self.overrides:
            starts, ends = override.span(self.zone)
            if ends <= starts:
                raise ValueError(f"an override ends ({override.to}) before it starts")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock it goes by."""
        return ZoneInfo(self.timezone)

    def secrets(self) -> tuple[SecretRef, ...]:
        """What whoever keeps it wants to see."""
        found = (
            self.ical if isinstance(self.ical, SecretRef) else None,
            self.pagerduty.token if self.pagerduty else None,
            self.opsgenie.key if self.opsgenie else None,
        )
        return tuple(secret for secret in found if secret is not None)

    @property
    def is_outside(self) -> bool:
        """Whether somebody else keeps it, who has to be asked."""
        return self.layers is None


Schedules = dict[TeamName, ScheduleConfig]


def schedule_mistakes(
    schedules: Mapping[str, ScheduleConfig], emails: Iterable[str]
) -> Iterator[Located]:
    """Who is on call by a schedule and is nobody, each at its place in ``schedules``."""
    known = {email.lower() for email in emails}
    for name, schedule in schedules.items():
        for at, layer in enumerate(schedule.layers or ()):
            for position, person in enumerate(layer.people):
                if person.lower() not in known:
                    yield (name, "layers", at, "people", position), _nobody(person)
        for at, override in enumerate(schedule.overrides):
            if override.person.lower() not in known:
                yield (name, "overrides", at, "person"), _nobody(override.person)


def _nobody(person: str) -> str:
    return f"there is no {person} under `people`"


def _of(at: datetime, zone: ZoneInfo) -> datetime:
    return instant(at, zone) if at.tzinfo is None else at
