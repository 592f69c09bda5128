"""Tickets in memory, which do what those in MongoDB do; see ``services.ingest.store``."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from deploy.backtest.book import Book, Kept
from services.ingest import writes
from services.ingest.comeback import REMEMBERED, Comeback, Move, ReturnRules, comeback
from services.ingest.correlation import release
from services.ingest.ticket import Decision, Recorded, Said
from shared.lifecycle import TicketState


class MemoryTickets:
    """Where alerts become tickets; ``flapped`` is how often one was found to flap."""

    def __init__(self, book: Book, rules: ReturnRules) -> None:
        self._book = book
        self._rules = rules
        self.flapped = 0

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]:
        """What was said, in the order in which the store answers: what is simple goes first."""
        recorded: list[Recorded] = []
        left = list(said)
        while left:
            fresh: list[Recorded] = []
            found: list[Recorded] = []
            held: list[tuple[Said, Kept]] = []
            for one in left:
                kept = self._book.of(one.alert.fingerprint)
                if kept is None:
                    fresh += self._opened(one, now)
                elif one.firing and (kept.ended or kept.source_resolved_at is not None):
                    held.append((one, kept))
                else:
                    self._count(kept, one, now)
                    found.append(writes.counted(one, kept.document()))
            recorded += fresh + found
            left = [one for one, kept in held if not self._settled(one, kept, now, recorded)]
        return recorded

    def _opened(self, said: Said, now: datetime) -> list[Recorded]:
        if not writes.opens(said):
            return []
        alert, quiet = said.alert, said.ruling.quiet
        kept = self._book.open(alert.fingerprint, alert, now)
        self._count(kept, said, now)
        if quiet is not None:
            kept.state, kept.closed_at, kept.quiet = TicketState.CLOSED, now, quiet
            self._book.watch(kept, quiet.until)
        else:
            kept.groups = said.ruling.groups
        return [writes.opened(said, kept.ticket_id, now)]

    def _settled(self, said: Said, kept: Kept, now: datetime, recorded: list[Recorded]) -> bool:
        """Whether that is all; else it is to be written again."""
        held = kept.held()
        back = comeback(held, said, now, self._rules)
        match back.move:
            case Move.LEAVE:
                return True
            case Move.RETIRE:
                self._book.retire(kept)
                return False
        self._come_back(kept, said, back, now)
        recorded.append(writes.came_back(held, said, back, kept.document()))
        return True

    def _come_back(self, kept: Kept, said: Said, back: Comeback, now: datetime) -> None:
        self._count(kept, said, now)
        if back.move in {Move.COME_BACK, Move.REOPEN}:
            kept.comebacks = [*kept.comebacks, now][-REMEMBERED:]
        if back.flapping:
            self.flapped += kept.flaps_until is None
            kept.flapping = back.flapping
            kept.flaps_until = now + self._rules.flapping_within
            self._book.watch(kept, kept.flaps_until)
        if back.move is Move.REOPEN:
            kept.reopen(now, back.because)
            kept.alert, kept.quiet = said.alert, None
            kept.groups = said.ruling.groups or kept.groups
            self._book.let_go(kept)

    def _count(self, kept: Kept, said: Said, now: datetime) -> None:
        kept.firing = (kept.firing - set(said.over)) | set(said.firing)
        kept.count += said.fired
        kept.source_resolved_at = None if kept.firing else said.ended_at or now
        if kept.parent_id is not None:
            # Its parent may have ended while it was quiet.
            self._book.due(now + release.PAUSE)

    def told(self, recorded: Iterable[Recorded]) -> None:
        """The opening of these was told."""
        for one in recorded:
            if (kept := self._book.by_id.get(one.ticket_id)) is not None:
                kept.announced = True

    # What ``announce.Announcements`` asks beside that; here nothing stays unannounced.

    async def unannounced(self, before: datetime, most: int) -> list[Recorded]:  # noqa: ARG002
        return []

    async def announced(self, told: Sequence[Recorded]) -> None:
        self.told(told)

    async def calm(self, now: datetime, most: int) -> list[Recorded]:
        """Tickets whose problem has been calm for long enough."""
        found = [one for one in self._book.watched() if _is_calm(one, now)]
        return [_standing(one) for one in found[:most]]

    async def calmed(self, ticket_id: UUID, now: datetime) -> None:
        """The ticket flaps no more."""
        kept = self._book.by_id[ticket_id]
        if _is_calm(kept, now):
            kept.flapping, kept.flaps_until = "", None


def _is_calm(kept: Kept, now: datetime) -> bool:
    return kept.flaps_until is not None and kept.flaps_until < now


def _standing(kept: Kept) -> Recorded:
    return Recorded(
        ticket_id=kept.ticket_id,
        alert=kept.alert,
        decision=Decision.REPEATED,
        state=kept.state,
        count=kept.count,
        gone=not kept.firing,
        created_at=kept.created_at,
        reopenings=kept.reopenings,
        flapping=kept.flapping,
        announced=kept.announced,
    )
