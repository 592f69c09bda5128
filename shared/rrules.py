"""Recurrence rules as iCalendar writes them: ``FREQ=WEEKLY;BYDAY=SU``, checked part by part.

RFC 5545, section 3.3.10. What would repeat more often than each hour is refused.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

#: How often, and the length of the period where all are equally long.
PERIODS: Final[Mapping[str, timedelta | None]] = {
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
    "MONTHLY": None,
    "YEARLY": None,
}
#: What is counted is counted from the first time on, again and again.
_MOST: Final = 10_000
_RANGES: Final = {
    "BYSECOND": (0, 59),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTH": (1, 12),
    "INTERVAL": (1, 10_000),
    "COUNT": (1, _MOST),
}
#: These may be negative too, and then count from the end.
_BOTH_WAYS: Final = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
_SINGLE: Final = frozenset({"INTERVAL", "COUNT"})
_WEEKDAY: Final = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,5}")
#: Parts that make no sense with a frequency; RFC 5545 has them as a table.
_NOT_WITH: Final = {
    "BYMONTHDAY": frozenset({"WEEKLY"}),
    "BYYEARDAY": frozenset({"DAILY", "WEEKLY", "MONTHLY"}),
    "BYWEEKNO": frozenset({"HOURLY", "DAILY", "WEEKLY", "MONTHLY"}),
}


@dataclass(frozen=True)
class Rrule:
    """A rule that is well-formed; ``until`` is as it was written, and not in ``text``."""

    text: str
    frequency: str
    interval: int
    counted: bool
    until: str | None

    @property
    def period(self) -> timedelta | None:
        """From one repetition to the next, where that is always as long."""
        length = PERIODS[self.frequency]
        return length * self.interval if length is not None else None


def rrule_of(written: str) -> Rrule:
    """The rule that is written there.

    Raises:
        ValueError: it is none; names the part that is wrong.
    """
    parts = _parts(written)
    frequency = parts.get("FREQ", "")
    if frequency not in PERIODS:
        known = ", ".join(PERIODS)
        raise ValueError(f"FREQ is one of {known}; for parts of an hour, say BYMINUTE with HOURLY")
    for name, value in parts.items():
        _check(name, value, frequency)
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("of COUNT and UNTIL there may be one")
    if "BYSETPOS" in parts and not any(name[:2] == "BY" for name in parts.keys() - {"BYSETPOS"}):
        raise ValueError("BYSETPOS chooses among what another BY… part says, and there is none")
    until = parts.pop("UNTIL", None)
    return Rrule(
        text=";".join(f"{name}={value}" for name, value in parts.items()),
        frequency=frequency,
        interval=int(parts.get("INTERVAL", "1")),
        counted="COUNT" in parts,
        until=until,
    )


def _parts(written: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in written.upper().removeprefix("RRULE:").strip().rstrip(";").split(";"):
        name, equals, value = part.strip().partition("=")
        if not equals or not value:
            raise ValueError(f"{part!r} is no part of a rule, such as FREQ=WEEKLY;BYDAY=SU")
        if name in parts:
            raise ValueError(f"{name} is there twice")
        parts[name] = value
    return parts


def _check(name: str, value: str, frequency: str) -> None:
    """Refuse a part that is none, or that the frequency does not go with."""
    if frequency in _NOT_WITH.get(name, ()):
        raise ValueError(f"{name} does not go with FREQ={frequency}")
    if name in _SINGLE and "," in value:
        raise ValueError(f"{name} is one number, not {value}")
    match name:
        case "FREQ":
            return
        case "UNTIL" if _UNTIL.fullmatch(value):
            return
        case "WKST" if (day := _WEEKDAY.fullmatch(value)) and not day[1]:
            return
        case "BYDAY":
            _check_weekdays(value, frequency)
        case "UNTIL" | "WKST":
            hint = "20261231T230000Z" if name == "UNTIL" else "MO"
            raise ValueError(f"{name}={value} is wrong: write it as {hint}")
        case _:
            _check_numbers(name, value)


def _check_weekdays(value: str, frequency: str) -> None:
    for written in value.split(","):
        day = _WEEKDAY.fullmatch(written)
        if day is None:
            raise ValueError(f"BYDAY={value}: {written!r} is no weekday, such as SU or -1FR")
        if day[1] and (frequency not in {"MONTHLY", "YEARLY"} or not int(day[1])):
            raise ValueError(f"BYDAY={value}: a number goes with MONTHLY and YEARLY, and is not 0")


def _check_numbers(name: str, value: str) -> None:
    if name in _RANGES:
        lowest, highest = _RANGES[name]
    elif name in _BOTH_WAYS:
        lowest, highest = -_BOTH_WAYS[name], _BOTH_WAYS[name]
    else:
        raise ValueError(f"a rule has no part {name}")
    for written in value.split(","):
        number = int(written) if _NUMBER.fullmatch(written) else None
        if number is None or not lowest <= number <= highest or (lowest < 0 and number == 0):
            but = ", and not 0" if lowest < 0 else ""
            raise ValueError(
                f"{name}={value}: a number from {lowest} to {highest}{but} is expected"
            )
