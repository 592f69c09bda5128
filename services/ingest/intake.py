"""What becomes of alerts that were let in: tickets and history on disk, events on the stream."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import uuid4

from services.ingest.history.entry import Entry, entries
from services.ingest.ruling import Rule, Ruling, plainly
from services.ingest.telling import announcement, events_of
from services.ingest.ticket import Recorded, Said, collapsed
from shared.bus import Publish
from shared.events import Alert, Event
from shared.groupcommit import GroupCommit

# So many alerts at most are committed at once, unless one notification has more.
_COMMITTED: Final = 500
# While one group is published and kept the next one is written.
_AT_ONCE: Final = 2
# Events that are published at once; all of a large notification would wait for each other.
_PUBLISHED: Final = 250


class Tickets(Protocol):
    """Where alerts become tickets; see ``store.MongoTickets``."""

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]: ...


class History(Protocol):
    """Where accepted alerts are kept; see ``history.store``."""

    async def keep(self, entries: Sequence[Entry]) -> None: ...


class Grouping(Protocol):
    """What puts tickets under a parent; see ``correlation``."""

    async def group(
        self, recorded: Sequence[Recorded], now: datetime
    ) -> tuple[list[Recorded], tuple[Event, ...]]: ...


#: Is told which tickets the stream has the opening of.
Told = Callable[[Iterable[Recorded]], None]


@dataclass(frozen=True)
class _Notification:
    rulings: tuple[Ruling, ...]
    now: datetime


class Intake:
    """The one way in for alerts, from wherever they come.

    Alerts that come at the same time are taken in together, and those on one problem as one, so
    that a storm costs about as much as the problems in it.
    """

    def __init__(
        self,
        tickets: Tickets,
        history: History,
        publish: Publish,
        told: Told,
        *,
        rule: Rule = plainly,
        grouping: Grouping | None = None,
    ) -> None:
        self._tickets = tickets
        self._history = history
        self._publish = publish
        self._told = told
        self._rule = rule
        self._grouping = grouping
        self._commits: GroupCommit[_Notification, list[Recorded]] = GroupCommit(
            self._commit,
            most=_COMMITTED,
            size=lambda notification: len(notification.rulings),
            at_once=_AT_ONCE,
        )

    async def take(
        self, alerts: Sequence[Alert], now: datetime, *, rule: Rule | None = None
    ) -> list[Recorded]:
        """Record the alerts of one notification and tell of them; once it returns, nothing is lost.

        The answer has each of their problems once that a ticket is about.

        Raises:
            UnavailableError: the store or the bus does not answer; the same may be taken again.
        """
        if not alerts:
            return []
        judge = rule or self._rule
        return await self._commits.add(
            _Notification(tuple(judge(alert, now) for alert in alerts), now)
        )

    async def _commit(self, notifications: Sequence[_Notification]) -> list[list[Recorded]]:
        now = max(one.now for one in notifications)
        said = collapsed(ruling for one in notifications for ruling in one.rulings)
        recorded, others = await self._grouped(await self._tickets.record(said, now), now)
        by_problem = {one.alert.fingerprint: one for one in recorded}
        kept = [
            entry for one in notifications for entry in entries(one.rulings, by_problem, one.now)
        ]
        # Both need what was recorded, and neither the other: whoever works on the ticket does not
        # wait for its history.
        results = await asyncio.gather(
            self._tell(recorded, others, now), self._history.keep(kept), return_exceptions=True
        )
        for failure in filter(None, results):
            raise failure
        self._told(one for one in recorded if announcement(one, now))
        return [_answer(one, by_problem) for one in notifications]

    async def _grouped(
        self, recorded: list[Recorded], now: datetime
    ) -> tuple[list[Recorded], tuple[Event, ...]]:
        if self._grouping is None or not any(one.groups for one in recorded):
            return recorded, ()
        return await self._grouping.group(recorded, now)

    async def _tell(
        self, recorded: Sequence[Recorded], others: Sequence[Event], now: datetime
    ) -> None:
        events = [event for one in recorded for event in events_of(one, now, new_id=uuid4)]
        events += others
        for first in range(0, len(events), _PUBLISHED):
            await self._publish(*events[first : first + _PUBLISHED])


def _answer(notification: _Notification, recorded: dict[str, Recorded]) -> list[Recorded]:
    """What became of each problem of a notification, in the order of their first mention."""
    problems = dict.fromkeys(ruling.alert.fingerprint for ruling in notification.rulings)
    return [recorded[problem] for problem in problems if problem in recorded]
