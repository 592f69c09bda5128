"""Calendars from what stands under ``schedules``."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from shared.config.schedules import Layer, ScheduleConfig
from shared.oncall.calendar import Calendar, Layered, Rotation, Shift, Shifts
from shared.oncall.weekly import WeeklyHours
from shared.recurrence import instant

_DAY: Final = timedelta(days=1)
_WEEK: Final = 7


def calendar(config: ScheduleConfig, shifts: Sequence[Shift] = ()) -> Calendar:
    """The calendar of a schedule; ``shifts`` are what is known of one that somebody else keeps."""
    own: tuple[Calendar, ...]
    own = tuple(_rotation(layer, config) for layer in config.layers or ())
    overrides = tuple(
        Shifts((Shift(each.person.lower(), *each.span(config.zone)),)) for each in config.overrides
    )
    kept: tuple[Calendar, ...] = (Shifts(tuple(shifts)),) if config.is_outside else own
    return Layered((*kept, *overrides))


def calendars(
    schedules: Mapping[str, ScheduleConfig], shifts: Mapping[str, Sequence[Shift]]
) -> dict[str, Calendar]:
    """Each schedule's; see ``calendar``."""
    return {name: calendar(config, shifts.get(name, ())) for name, config in schedules.items()}


def _rotation(layer: Layer, config: ScheduleConfig) -> Rotation:
    zone, until = config.zone, None
    if layer.ends is not None:
        until = instant(datetime.combine(layer.ends, layer.handoff), zone)
    return Rotation(
        people=tuple(person.lower() for person in layer.people),
        first=datetime.combine(_first_day(layer), layer.handoff),
        length=layer.rotate,
        zone=zone,
        since=instant(datetime.combine(layer.starts, layer.handoff), zone),
        until=until,
        hours=WeeklyHours(layer.only, zone) if layer.only else None,
    )


def _first_day(layer: Layer) -> date:
    """The day on which the first turn would have begun, had it been a whole one."""
    if layer.weekday is None:
        return layer.starts
    return layer.starts - (layer.starts.weekday() - layer.weekday.number) % _WEEK * _DAY
