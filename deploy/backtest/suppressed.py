"""The tickets that a window suppressed, in memory; see ``services.ingest.maintenance.store``."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from deploy.backtest.book import Book, Kept
from services.ingest.maintenance.suppressed import Suppressed
from services.ingest.ruling import Quiet


class MemorySuppressed:
    """What ``maintenance.sweep`` looks at."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def suppressed(self, due: datetime | None = None) -> AsyncIterator[Suppressed]:
        """Those whose window was to be over at ``due``, or all of them."""
        for kept in self._book.watched():
            quiet = kept.quiet
            if quiet is not None and (due is None or quiet.until <= due):
                yield _seen(kept, quiet)

    async def prolong(self, one: Suppressed, quiet: Quiet) -> None:
        """Its window is another one, or ends at another time."""
        kept = self._book.by_id[one.ticket_id]
        kept.quiet = quiet
        self._book.watch(kept, quiet.until)

    async def let_go(self, one: Suppressed) -> bool:
        """Its window is over and so is its problem."""
        kept = self._book.by_id[one.ticket_id]
        kept.quiet = None
        self._book.retire(kept)
        return True

    async def reopen(self, one: Suppressed, now: datetime) -> bool:
        """Its window is over and its problem is not."""
        kept = self._book.by_id[one.ticket_id]
        kept.quiet = None
        kept.reopen(now, one.because)
        return True

    async def announced(self, ticket_ids: Sequence[UUID]) -> None:
        for one in ticket_ids:
            self._book.by_id[one].announced = True


def _seen(kept: Kept, quiet: Quiet) -> Suppressed:
    return Suppressed(
        ticket_id=kept.ticket_id,
        alert=kept.alert,
        quiet=quiet,
        firing=bool(kept.firing),
        count=kept.count,
        reopenings=kept.reopenings,
        flapping=bool(kept.flapping),
    )
