"""What was suppressed is looked at again when its maintenance window is over."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.ingest.maintenance.suppressed import Suppressed
from services.ingest.maintenance.windows import Windows
from services.ingest.ruling import Quiet
from shared.bus import Publish
from shared.events import TicketReopened

log = structlog.get_logger(__name__)

PAUSE: Final = timedelta(seconds=2)
# Another replica that learnt later of a window's early end may have suppressed tickets meanwhile.
LOOKED_AT_ALL: Final = timedelta(minutes=1)
_AT_ONCE: Final = 100


class Tickets(Protocol):
    """See ``store.MongoSuppressed``."""

    def suppressed(self, due: datetime | None = None) -> AsyncIterator[Suppressed]: ...

    async def prolong(self, one: Suppressed, quiet: Quiet) -> None: ...

    async def let_go(self, one: Suppressed) -> bool: ...

    async def reopen(self, one: Suppressed, now: datetime) -> bool: ...

    async def announced(self, ticket_ids: Sequence[UUID]) -> None: ...


class Sweep:
    """Reopens what still fires after its window, and lets go of what does not.

    Mostly it looks at the tickets whose window was to be over; at all of them when the windows
    have changed, since one may have been ended early, and now and then. A reopening whose event was
    not published is announced by ``announce``: the ticket then has no ``announced``.
    """

    def __init__(
        self,
        windows: Callable[[], Windows],
        tickets: Tickets,
        publish: Publish,
        now: Callable[[], datetime],
    ) -> None:
        self._windows = windows
        self._tickets = tickets
        self._publish = publish
        self._now = now
        self._looked_at_all: tuple[Windows, datetime] | None = None

    async def sweep(self) -> None:
        """Look at what is due."""
        windows, now = self._windows(), self._now()
        all_of_them = self._all_are_due(windows, now)
        chunk: list[Suppressed] = []
        async for one in self._tickets.suppressed(None if all_of_them else now):
            chunk.append(one)
            if len(chunk) == _AT_ONCE:
                await self._take(chunk, windows, now)
                chunk = []
        await self._take(chunk, windows, now)
        if all_of_them:
            self._looked_at_all = windows, now

    def _all_are_due(self, windows: Windows, now: datetime) -> bool:
        if self._looked_at_all is None:
            return True
        before, at = self._looked_at_all
        return windows is not before or now - at >= LOOKED_AT_ALL

    async def _take(self, some: Sequence[Suppressed], windows: Windows, now: datetime) -> None:
        told = await asyncio.gather(*(self._look(one, windows, now) for one in some))
        events = [event for event in told if event is not None]
        if events:
            await self._publish(*events)
            await self._tickets.announced([event.ticket_id for event in events])

    async def _look(
        self, one: Suppressed, windows: Windows, now: datetime
    ) -> TicketReopened | None:
        quiet = windows.covering(one.alert, now)
        if quiet is not None:
            if quiet != one.quiet:
                await self._tickets.prolong(one, quiet)
            return None
        ticket_id, window = str(one.ticket_id), one.quiet.window
        if not one.firing:
            if await self._tickets.let_go(one):
                log.info("ticket.suppression_ended", ticket_id=ticket_id, window=window)
            return None
        if not await self._tickets.reopen(one, now):
            return None
        log.info("ticket.reopened", ticket_id=ticket_id, window=window)
        return one.reopened(now)
