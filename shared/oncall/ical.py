"""Calendars in the format of RFC 5545: an event is a shift of whom it names.

It names a person by an attendee's address, or in its summary by the person's name or address.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar as Parsed

from shared.oncall.calendar import Shift
from shared.oncall.directory import Directory
from shared.oncall.known import AHEAD, Fetched, FetchError
from shared.recurrence import instant

_OCTETS_MOST: Final = 10 * 1024 * 1024


def read_file(path: Path) -> bytes:
    """A calendar in a file.

    Raises:
        FetchError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_OCTETS_MOST)
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror}") from error


def shifts(text: bytes, people: Directory, *, zone: ZoneInfo, now: datetime) -> Fetched:
    """The shifts in a calendar that are not over, for as long as is looked ahead.

    ``zone`` is that of times and whole days without one.

    Raises:
        FetchError: it is no calendar.
    """
    try:
        calendar = Parsed.from_ical(text)
        events = list(recurring_ical_events.of(calendar).between(now, now + AHEAD))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        # What the libraries raise for what is no calendar is not agreed upon.
        raise FetchError(f"is no calendar: {type(error).__name__}: {str(error)[:100]}") from error
    found: dict[Shift, None] = {}
    strangers: dict[str, None] = {}
    for event in events:
        named = tuple(_named(event, people))
        if not named:
            strangers[str(event.get("SUMMARY", "an event without a summary"))] = None
        for person in named:
            found[_shift(person, event, zone)] = None
    return Fetched(tuple(found), tuple(strangers))


def _named(event: Any, people: Directory) -> Iterable[str]:
    invited = [email for email in _attendees(event) if people.knows(email)]
    return invited or people.named_in(str(event.get("SUMMARY", "")))


def _attendees(event: Any) -> Iterator[str]:
    listed = event.get("ATTENDEE", [])
    for one in listed if isinstance(listed, list) else [listed]:
        yield str(one).lower().removeprefix("mailto:")


def _shift(person: str, event: Any, zone: ZoneInfo) -> Shift:
    return Shift(person, _instant(event.start, zone), _instant(event.end, zone))


def _instant(at: date, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        return instant(datetime.combine(at, time()), zone)
    return instant(at, zone) if at.tzinfo is None else at.astimezone(UTC)
