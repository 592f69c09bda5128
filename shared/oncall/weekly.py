"""Hours of the week by a wall clock, such as working hours or quiet nights."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.config.clocks import Hours
from shared.recurrence import Span, instant

_DAY: Final = timedelta(days=1)
# The next edge is never further away than the same day of the next week.
_WEEK: Final = 8


@dataclass(frozen=True)
class WeeklyHours:
    """Spans of hours that come again each week, by the clock of a zone.

    A time that a change of the clocks skips is an hour later by the clock; of one that comes twice
    it is the first.
    """

    hours: tuple[Hours, ...]
    zone: ZoneInfo

    def hold(self, moment: datetime) -> bool:
        """Whether a moment is inside."""
        return any(span.starts <= moment < span.ends for span in self._around(moment, 1))

    def next_edge(self, after: datetime) -> datetime:
        """When they begin or end next."""
        edges = (edge for span in self._around(after, _WEEK) for edge in (span.starts, span.ends))
        return min(edge for edge in edges if edge > after)

    def ends_after(self, moment: datetime) -> datetime:
        """When the hours that a moment is inside of are over; the moment itself outside of them.

        Spans that follow each other without a gap are one.
        """
        ends = moment
        for span in sorted(self._around(moment, _WEEK), key=lambda span: span.starts):
            if span.starts <= ends < span.ends:
                ends = span.ends
        return ends

    def _around(self, moment: datetime, days: int) -> Iterator[Span]:
        today = moment.astimezone(self.zone).date()
        for number in range(-1, days + 1):
            yield from self._of(today + number * _DAY)

    def _of(self, day: date) -> Iterator[Span]:
        """The spans that begin on a day."""
        for hours in self._on(day):
            ends = day if hours.to > hours.from_ else day + _DAY
            yield Span(self._instant(day, hours.from_), self._instant(ends, hours.to))

    def _on(self, day: date) -> Iterable[Hours]:
        number = day.weekday()
        return (one for one in self.hours if any(each.number == number for each in one.days))

    def _instant(self, day: date, clock: time) -> datetime:
        return instant(datetime.combine(day, clock), self.zone)
