"""When something goes on: once, or again and again by a rule of iCalendar on a wall clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from shared.rrules import Rrule

# More than any two clocks of one zone, before and after a change, have ever differed.
_SLACK: Final = timedelta(days=2)
#: What does not happen again within this long does not happen again.
HORIZON: Final = timedelta(days=50 * 365)
_CYCLE: Final = 400
_LOOKED_AT: Final = 50


@dataclass(frozen=True)
class Span:
    """From a moment to another, in UTC; the second is not in it."""

    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Outlook:
    """What holds from ``at`` on until ``changes_at``: whether something goes on, and what is next.

    ``ends`` is the latest end of what goes on, ``next_at`` when something begins next.
    """

    at: datetime
    changes_at: datetime
    ends: datetime | None
    next_at: datetime | None

    @property
    def over(self) -> bool:
        """Whether nothing goes on, and nothing will."""
        return self.ends is None and self.next_at is None

    def holds(self, now: datetime) -> bool:
        """Whether this still says what holds at a time."""
        return self.at <= now < self.changes_at


@dataclass(frozen=True)
class Once:
    """What happens once."""

    span: Span

    def outlook(self, now: datetime) -> Outlook:
        """What goes on at a time, and for how long."""
        return _outlook(now, iter((self.span,)), now + HORIZON)

    def overlaps(self) -> bool:
        return False


@dataclass(frozen=True)
class Recurring:
    """What happens for ``length`` whenever the rule says so, from ``first`` on.

    ``first`` and the rule are of the zone's wall clock: what begins at two begins at two in summer
    and in winter. By RFC 5545 a time that a change of the clocks skips is one hour later by the
    clock, and of one that comes twice it is the first. ``length`` is time that passes. ``without``
    are beginnings, or whole days of the zone, at which it does not happen.
    """

    rule: Rrule
    first: datetime
    zone: ZoneInfo
    length: timedelta
    without: frozenset[date] = frozenset()

    def outlook(self, now: datetime) -> Outlook:
        """What goes on at a time, and for how long."""
        wall = now.astimezone(self.zone).replace(tzinfo=None)
        return _outlook(now, self.spans(wall - self.length - _SLACK), now + HORIZON)

    def overlaps(self) -> bool:
        """Whether it begins again before it has ended, as far as can be seen."""
        seen = pairwise(islice(self.spans(self.first), _LOOKED_AT))
        return any(later.starts < earlier.ends for earlier, later in seen)

    def spans(self, after: datetime) -> Iterator[Span]:
        """Each time that it happens, from one on the wall clock on; 50 years at most."""
        until = self._until()
        for wall in self._walls(after):
            starts = instant(wall, self.zone)
            if until is not None and starts > until + _SLACK:
                return
            if (until is None or starts <= until) and not self.without & {starts, wall.date()}:
                yield Span(starts, starts + self.length)

    def happens(self, at: date) -> bool:
        """Whether the rule has it begin at this time, or on this day of the zone."""
        day = at.astimezone(self.zone).date() if isinstance(at, datetime) else at
        begins = datetime.combine(day, time.min) - _SLACK
        for wall in self._walls(begins):
            if wall.date() > day + _SLACK:
                return False
            if at in {instant(wall, self.zone), wall.date()}:
                return True
        return False

    def _walls(self, after: datetime) -> Iterator[datetime]:
        # A rule that never holds is looked at until the last year there is. The calendar is the
        # same after 400 years, so that this is done as near to that year as there is room.
        first = self._near(after)
        cycles = (MAXYEAR - max(first, after).year - HORIZON.days // 365) // _CYCLE
        there = first.replace(year=first.year + cycles * _CYCLE)
        for wall in rrulestr(self.rule.text, dtstart=there):
            back = wall.replace(year=wall.year - cycles * _CYCLE)
            if back > max(after, self.first) + HORIZON:
                return
            if back >= max(after, self.first):
                yield back

    def _near(self, after: datetime) -> datetime:
        """A beginning from which the rule goes on as from the first, shortly before that time."""
        period = self.rule.period
        if period is None or self.rule.counted:
            return self.first
        # The first period may be a part of one, such as the rest of a week.
        skipped = (after - self.first) // period - 2
        return self.first + max(skipped, 0) * period

    def _until(self) -> datetime | None:
        written = self.rule.until
        if written is None:
            return None
        at = datetime.fromisoformat(written)
        if "T" not in written:
            at = datetime.combine(at, time.max)
        return at if at.tzinfo is not None else instant(at, self.zone)


Schedule = Once | Recurring


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a zone's clock shows that; see ``Recurring`` for what it shows never, or twice."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _outlook(now: datetime, spans: Iterator[Span], horizon: datetime) -> Outlook:
    ends: datetime | None = None
    next_at: datetime | None = None
    for span in spans:
        if span.starts <= now < span.ends:
            ends = max(ends or span.ends, span.ends)
        elif span.starts > now:
            next_at = min(next_at or span.starts, span.starts)
        if span.starts > now + _SLACK:
            break
    changes = min(at for at in (ends, _looked_again(now, next_at), horizon) if at is not None)
    return Outlook(at=now, changes_at=changes, ends=ends, next_at=next_at)


def _looked_again(now: datetime, next_at: datetime | None) -> datetime | None:
    # Where the clocks change, what is later by the clock may be earlier: it is looked at from near.
    if next_at is None or next_at <= now + _SLACK:
        return next_at
    return next_at - _SLACK
