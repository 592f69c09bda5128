"""Tickets that were stored by a process that died before it could tell: found, and told."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.ingest.telling import announcement, calmed
from services.ingest.ticket import Recorded
from shared.bus import Publish

log = structlog.get_logger(__name__)

# Whoever opens a ticket tells of it in milliseconds, and notes that within one pause.
OVERDUE: Final = timedelta(seconds=4)
PAUSE: Final = timedelta(seconds=1)
BATCH: Final = 500


class Unannounced(Protocol):
    """See ``store.MongoTickets``."""

    async def unannounced(self, before: datetime, most: int) -> list[Recorded]: ...

    async def announced(self, told: Sequence[Recorded]) -> None: ...

    async def calm(self, now: datetime, most: int) -> list[Recorded]: ...

    async def calmed(self, ticket_id: UUID, now: datetime) -> None: ...


class Announcements:
    """What this process has told of, and what nobody has.

    The tickets that this process told of are noted together, once a pause, which costs next to
    nothing. A note that is lost in a crash has a ticket told of once more, with the same id.
    """

    def __init__(self, tickets: Unannounced, publish: Publish, now: Callable[[], datetime]) -> None:
        self._tickets = tickets
        self._publish = publish
        self._now = now
        self._told: list[Recorded] = []

    def told(self, recorded: Iterable[Recorded]) -> None:
        """The stream has the opening of these tickets."""
        self._told += recorded

    async def sweep(self) -> int:
        """Publish the opening of every overdue ticket; how many there were."""
        await self.note()
        now = self._now()
        overdue = await self._tickets.unannounced(now - OVERDUE, BATCH)
        if overdue:
            await self._publish(*(event for one in overdue for event in announcement(one, now)))
            self.told(overdue)
            await self.note()
            log.info("tickets.announced", count=len(overdue))
        return len(overdue)

    async def calm(self) -> int:
        """Say of flapping tickets that are calm now that their problem is gone, where it is."""
        now = self._now()
        quiet = await self._tickets.calm(now, BATCH)
        for one in quiet:
            if one.gone:
                await self._publish(calmed(one, now))
            await self._tickets.calmed(one.ticket_id, now)
            log.info("ticket.calmed", ticket_id=str(one.ticket_id), gone=one.gone)
        return len(quiet)

    async def note(self) -> None:
        """Note what was told of, so that nobody tells of it once more."""
        noted = len(self._told)
        if noted:
            await self._tickets.announced(self._told[:noted])
            del self._told[:noted]
