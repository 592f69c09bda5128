"""One version of Handrail in memory: alerts in, in the order of time, and what they lead to out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from deploy.backtest.behind import Behind
from deploy.backtest.book import Book
from deploy.backtest.groups import MemoryGroups
from deploy.backtest.outcome import Fate, Outcome, Result
from deploy.backtest.planning import Records
from deploy.backtest.rules import Counted
from deploy.backtest.suppressed import MemorySuppressed
from deploy.backtest.tickets import MemoryTickets
from deploy.backtest.version import Version
from services.ingest.announce import Announcements
from services.ingest.correlation.grouper import Grouper
from services.ingest.correlation.release import Release
from services.ingest.history.entry import Entry
from services.ingest.inside import return_rules
from services.ingest.intake import Intake
from services.ingest.maintenance.sweep import Sweep
from services.ingest.ticket import Recorded
from shared.events import Alert, AlertStatus, Event

# A sweep looks at what was due before it, so a moment after; as exactly as MongoDB keeps times.
_AFTER: Final = timedelta(milliseconds=1)
_FORGETS_EVERY: Final = timedelta(hours=6)
_NO_RECORDS: Final[Records] = {}


@dataclass(frozen=True)
class Moment:
    """What alerts of one time led to: the fate of each, and what else time or others brought."""

    fates: tuple[Fate, ...]
    others: tuple[Outcome, ...]


class World:
    """Ingest as it is, over tickets in memory, and what is done behind it."""

    def __init__(self, version: Version, records: Records = _NO_RECORDS) -> None:
        returns = return_rules(version.config)
        self.counted = Counted.of(version.config)
        self.book = Book(returns.reopen_within)
        self._now = datetime.min.replace(tzinfo=UTC)
        self._kept: list[Entry] = []
        self._groups = MemoryGroups(self.book)
        self.behind = Behind(version, self.book, self._groups, self._clock, records)
        self._grouper = Grouper(self.counted.correlating, self._groups)
        self.tickets, publish = MemoryTickets(self.book, returns), self.behind.publish
        self._intake = Intake(
            self.tickets, self, publish, self.tickets.told, rule=self.counted.rules, grouping=self
        )
        windows = self.counted.windows
        suppressed = MemorySuppressed(self.book)
        self._sweep = Sweep(lambda: windows, suppressed, publish, self._clock)
        self._release = Release(self._groups, publish, self._clock)
        self._calm = Announcements(self.tickets, publish, self._clock)
        self._forgot_at = self._now

    async def take(self, alerts: Sequence[Alert], at: datetime) -> Moment:
        """What alerts of one time lead to, and before that, what time itself brought since."""
        await self.advance(at)
        before = self._outcomes()
        self._now = at
        self.behind.expire()
        await self._intake.take(alerts, at)
        kept, self._kept = self._kept, []
        found = self._outcomes()
        fates = tuple(self._fate(entry, found) for entry in kept)
        return Moment(fates, (*before.values(), *found.values()))

    async def advance(self, until: datetime) -> None:
        """Have time go by: windows end, what flapped is calm, children are let go."""
        while (due := self.book.next_due(until)) is not None:
            self._now = due + _AFTER
            await self._sweep.sweep()
            await self._release.sweep()
            await self._calm.calm()
            self.behind.expire()
        if until - self._forgot_at > _FORGETS_EVERY:
            self.book.forget(until)
            self._forgot_at = until

    # What the intake asks.

    async def keep(self, entries: Sequence[Entry]) -> None:
        self._kept += entries

    async def group(
        self, recorded: Sequence[Recorded], now: datetime
    ) -> tuple[list[Recorded], tuple[Event, ...]]:
        for one in recorded:
            if one.groups:
                self._groups.remember(self.book.by_id[one.ticket_id])
        return await self._grouper.group(recorded, now)

    def _clock(self) -> datetime:
        return self._now

    def _outcomes(self) -> dict[UUID, Outcome]:
        """What tickets came to since the last time, by their ids; of several, the last."""
        found = {kept.ticket_id: outcome for kept, outcome in self.behind.outcomes}
        for kept in self._groups.grouped:
            found.setdefault(
                kept.ticket_id,
                Outcome(kept.alert, Result.GROUPED, kept.grouped_because, rule=kept.grouped_by),
            )
        self.behind.outcomes.clear()
        self._groups.grouped.clear()
        return found

    @staticmethod
    def _fate(entry: Entry, found: dict[UUID, Outcome]) -> Fate:
        outcome = None
        if entry.ticket_id is not None and entry.alert.status is AlertStatus.FIRING:
            outcome = found.pop(entry.ticket_id, None)
        return Fate(entry.alert, entry.decision, entry.because, outcome)


def fates_of(outcomes: Iterable[Outcome]) -> tuple[Fate, ...]:
    """What became of tickets by no alert."""
    return tuple(Fate(one.alert, None, one.because, one) for one in outcomes)
