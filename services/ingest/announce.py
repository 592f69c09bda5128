"""Tickets that were stored by a process that died before it could tell: found, and told."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.ingest.ticket import created
from shared.bus import Publish
from shared.events import Alert

log = structlog.get_logger(__name__)

# Judged tickets are not new any more, which takes milliseconds; one that waits longer was either
# never announced or stands in a queue. The stream drops the announcement of the latter.
OVERDUE: Final = timedelta(seconds=4)
PAUSE: Final = timedelta(seconds=1)
BATCH: Final = 500


class Unannounced(Protocol):
    """See ``store.MongoTickets``."""

    async def unannounced(
        self, before: datetime, most: int
    ) -> list[tuple[UUID, Alert, datetime]]: ...

    async def announced(self, ticket_ids: Sequence[UUID]) -> None: ...


async def announce_overdue(
    tickets: Unannounced, publish: Publish, now: Callable[[], datetime]
) -> int:
    """Publish the opening of every overdue ticket; how many there were."""
    overdue = await tickets.unannounced(now() - OVERDUE, BATCH)
    if overdue:
        await publish(*(created(id_, alert, at) for id_, alert, at in overdue))
        await tickets.announced([id_ for id_, _, _ in overdue])
        log.info("tickets.announced", count=len(overdue))
    return len(overdue)
