"""What was fetched of a schedule that somebody else keeps, and how it is kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.errors import HandrailError
from shared.oncall.calendar import Shift

#: So much ahead is asked for, so that a vendor may be away for long.
AHEAD: Final = timedelta(days=30)
#: So long it is remembered who was on call: answers are judged by who was when they were given.
REMEMBERED: Final = timedelta(days=7)


class FetchError(HandrailError):
    """A schedule could not be had; the text has no secret in it."""


@dataclass(frozen=True)
class Fetched:
    """Who is on call from now on, as far as is known; ``strangers`` are nobody under ``people``."""

    shifts: tuple[Shift, ...]
    strangers: tuple[str, ...] = ()


def merged(before: Iterable[Shift], after: Iterable[Shift], now: datetime) -> tuple[Shift, ...]:
    """What was known of the past stays, and what is known now of the future is taken instead.

    So nobody loses by a later change of a schedule that they were on call.
    """
    past = (_until(shift, now) for shift in before if shift.starts < now)
    future = (_from(shift, now) for shift in after if shift.ends is None or shift.ends > now)
    recent = (one for one in past if one.ends is None or one.ends > now - REMEMBERED)
    return tuple(_joined(sorted((*recent, *future), key=lambda one: (one.person, one.starts))))


def _until(shift: Shift, now: datetime) -> Shift:
    ends = now if shift.ends is None else min(shift.ends, now)
    return replace(shift, ends=ends)


def _from(shift: Shift, now: datetime) -> Shift:
    return replace(shift, starts=max(shift.starts, now))


def _joined(shifts: Iterable[Shift]) -> Iterator[Shift]:
    """Those of one person that touch or overlap are one; they come by person and beginning."""
    last: Shift | None = None
    for shift in shifts:
        if (
            last
            and last.person == shift.person
            and (last.ends is None or shift.starts <= last.ends)
        ):
            ends = None if None in {last.ends, shift.ends} else max(_end(last), _end(shift))
            last = replace(last, ends=ends)
            continue
        if last:
            yield last
        last = shift
    if last:
        yield last


def _end(shift: Shift) -> datetime:
    return shift.ends or datetime.max.replace(tzinfo=shift.starts.tzinfo)
