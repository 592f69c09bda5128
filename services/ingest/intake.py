"""What becomes of alerts that were let in: tickets and history on disk, events on the stream."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID, uuid4

from services.ingest.history.entry import entries
from services.ingest.history.group import History
from services.ingest.ticket import Recorded, Said, collapsed, events_of
from shared.bus import Publish
from shared.events import Alert

# Events that are published at once; all of a large notification would wait for each other.
_PUBLISHED: Final = 250


class Tickets(Protocol):
    """Where alerts become tickets; see ``store.MongoTickets``."""

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]: ...


#: Is told which tickets the stream has the opening of.
Told = Callable[[Iterable[UUID]], None]


@dataclass(frozen=True)
class Intake:
    """The one way in for alerts, from wherever they come."""

    tickets: Tickets
    history: History
    publish: Publish
    told: Told

    async def take(self, alerts: Sequence[Alert], now: datetime) -> list[Recorded]:
        """Record the alerts of one notification and tell of them; once it returns, nothing is lost.

        Raises:
            UnavailableError: the store or the bus does not answer; the same may be taken again.
        """
        if not alerts:
            return []
        recorded = await self.tickets.record(collapsed(alerts), now)
        # Both need what was recorded, and neither the other: whoever works on the ticket does not
        # wait for its history.
        results = await asyncio.gather(
            self._tell(recorded, now),
            self.history.keep(entries(alerts, recorded, now)),
            return_exceptions=True,
        )
        for failure in filter(None, results):
            raise failure
        self.told(one.ticket_id for one in recorded if one.opened)
        return recorded

    async def _tell(self, recorded: Sequence[Recorded], now: datetime) -> None:
        events = [event for one in recorded for event in events_of(one, now, new_id=uuid4)]
        for first in range(0, len(events), _PUBLISHED):
            await self.publish(*events[first : first + _PUBLISHED])
