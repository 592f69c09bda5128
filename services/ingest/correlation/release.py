"""Children of a parent that ended are let go when they still fire a while later."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.ingest.correlation.placing import Ended, Placed, Released
from shared.bus import Publish
from shared.events import TicketReopened

log = structlog.get_logger(__name__)

PAUSE: Final = timedelta(seconds=2)
#: So long after the fix of their common cause the sources may not have noticed it yet.
SETTLING: Final = timedelta(minutes=2)
# Whoever puts a ticket under another tells of it in milliseconds.
OVERDUE: Final = timedelta(seconds=4)
BATCH: Final = 200


class Children(Protocol):
    """See ``store.MongoGroups``."""

    def ended(self, before: datetime) -> AsyncIterator[Ended]: ...

    async def left_behind(self, parent: Ended, most: int) -> list[Released]: ...

    async def release(self, one: Released, now: datetime) -> bool: ...

    async def announced(self, ticket_ids: Sequence[UUID]) -> None: ...

    async def settle(self, parent: Ended) -> bool: ...

    async def untold(self, before: datetime, most: int) -> list[Placed]: ...

    async def told(self, placed: Sequence[Placed]) -> None: ...


class Release:
    """Looks after children, whichever process put them under their parent.

    A reopening whose event was not published is announced by ``announce``: the ticket then has no
    ``announced``.
    """

    def __init__(self, children: Children, publish: Publish, now: Callable[[], datetime]) -> None:
        self._children = children
        self._publish = publish
        self._now = now

    async def sweep(self) -> int:
        """Tell what was not told, and reopen what was left behind; how many were reopened."""
        now = self._now()
        await self._tell(now)
        released = 0
        async for parent in self._children.ended(now - SETTLING):
            released += await self._release(parent, now)
        return released

    async def _tell(self, now: datetime) -> None:
        untold = await self._children.untold(now - OVERDUE, BATCH)
        if untold:
            await self._publish(*(one.grouped() for one in untold))
            await self._children.told(untold)

    async def _release(self, parent: Ended, now: datetime) -> int:
        left_behind = await self._children.left_behind(parent, BATCH)
        told = await asyncio.gather(*(self._reopen(one, now) for one in left_behind))
        events = [event for event in told if event is not None]
        if events:
            await self._publish(*events)
            await self._children.announced([event.ticket_id for event in events])
        if len(left_behind) < BATCH:
            await self._children.settle(parent)
        return len(events)

    async def _reopen(self, one: Released, now: datetime) -> TicketReopened | None:
        if not await self._children.release(one, now):
            return None
        log.info(
            "ticket.released", ticket_id=str(one.ticket_id), parent_id=str(one.parent.ticket_id)
        )
        return one.reopened(now)
