"""Who is on call by one schedule at one time: rotations, restrictions, overrides, known shifts.

A calendar says who is on call at a moment, and when that may change next; everything else follows
from the two. People are addresses in small letters; moments have a time zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from shared.oncall.weekly import WeeklyHours
from shared.recurrence import instant

#: No handoff is looked for further ahead, nor after so many changes of whatever kind.
AHEAD: Final = timedelta(days=400)
_CHANGES_MOST: Final = 5000

People = tuple[str, ...]


class Calendar(Protocol):
    """A schedule as it stands."""

    def at(self, moment: datetime) -> People:
        """Who is on call then; nobody may be."""
        ...

    def next_change(self, after: datetime) -> datetime | None:
        """The first moment after this one at which ``at`` may say something else."""
        ...


@dataclass(frozen=True)
class Rotation:
    """People who take turns of one length by a wall clock.

    The first turn begins at ``first`` (naive), and nobody is on call before ``since``. A handoff
    that the change of the clocks skips is an hour later by the clock; of one that comes twice it is
    the first.
    """

    people: People
    first: datetime
    length: timedelta
    zone: ZoneInfo
    since: datetime
    until: datetime | None = None
    hours: WeeklyHours | None = None

    def at(self, moment: datetime) -> People:
        if self._outside(moment) or (self.hours and not self.hours.hold(moment)):
            return ()
        return (self.people[self._turn(moment) % len(self.people)],)

    def next_change(self, after: datetime) -> datetime | None:
        if after < self.since:
            return self.since
        if self.until is not None and after >= self.until:
            return None
        changes = [self._handoff(after)] if len(self.people) > 1 else []
        changes += [self.until] if self.until is not None else []
        changes += [self.hours.next_edge(after)] if self.hours else []
        return min(changes, default=None)

    def _outside(self, moment: datetime) -> bool:
        ended = self.until is not None and moment >= self.until
        return ended or moment < self.since

    def _turn(self, moment: datetime) -> int:
        """Which turn it is, from 0."""
        wall = moment.astimezone(self.zone).replace(tzinfo=None, fold=0)
        turn = (wall - self.first) // self.length
        # An hour that comes twice is early by the clock the second time; one that is skipped, late.
        while self._begin(turn + 1) <= moment:
            turn += 1
        while self._begin(turn) > moment:
            turn -= 1
        return turn

    def _handoff(self, after: datetime) -> datetime:
        return self._begin(self._turn(after) + 1)

    def _begin(self, turn: int) -> datetime:
        return instant(self.first + turn * self.length, self.zone)


@dataclass(frozen=True)
class Shift:
    """One person from a moment to another, or for as long as nothing else is known."""

    person: str
    starts: datetime
    ends: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether it is on; its end is not in it."""
        return self.starts <= moment and (self.ends is None or moment < self.ends)


@dataclass(frozen=True)
class Shifts:
    """Shifts that are known one by one; of several at once, all are on call."""

    shifts: tuple[Shift, ...] = ()

    def at(self, moment: datetime) -> People:
        return tuple(dict.fromkeys(one.person for one in self.shifts if one.holds(moment)))

    def next_change(self, after: datetime) -> datetime | None:
        edges = (edge for one in self.shifts for edge in (one.starts, one.ends))
        return min((edge for edge in edges if edge is not None and edge > after), default=None)


@dataclass(frozen=True)
class Layered:
    """Of several calendars, the last that has anybody on call."""

    layers: tuple[Calendar, ...]

    def at(self, moment: datetime) -> People:
        found = (layer.at(moment) for layer in reversed(self.layers))
        return next((people for people in found if people), ())

    def next_change(self, after: datetime) -> datetime | None:
        changes = (layer.next_change(after) for layer in self.layers)
        return min((change for change in changes if change is not None), default=None)


@dataclass(frozen=True)
class Duty:
    """Who is on call at ``at``, until when, and who is next and from when, as far as is known."""

    at: datetime
    people: People
    until: datetime | None = None
    next_people: People = ()
    next_at: datetime | None = None


def duty(calendar: Calendar, moment: datetime) -> Duty:
    """Who is on call at a moment, and who is next."""
    people, until = calendar.at(moment), None
    for at in changes(calendar, moment, moment + AHEAD):
        then = calendar.at(at)
        if until is None and then != people:
            until = at
        if until is not None and then:
            return Duty(moment, people, until, then, at)
    return Duty(moment, people, until)


def between(calendar: Calendar, since: datetime, until: datetime) -> frozenset[str]:
    """Everybody who was on call at some time of a span, both its ends included."""
    moments = (since, *changes(calendar, since, until))
    return frozenset(person for moment in moments for person in calendar.at(moment))


def changes(calendar: Calendar, after: datetime, until: datetime) -> Iterator[datetime]:
    """The moments at which somebody else may be on call."""
    moment: datetime | None = after
    for _ in range(_CHANGES_MOST):
        moment = calendar.next_change(moment) if moment else None
        if moment is None or moment > until:
            return
        yield moment
