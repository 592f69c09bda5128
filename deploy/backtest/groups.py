"""Groups of tickets, in memory; see ``services.ingest.correlation.store``."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from deploy.backtest.book import Book, Kept
from services.ingest.correlation.grouping import MAY_BE_CHILD, Member
from services.ingest.correlation.placing import Child, Ended, Placed, Released
from services.ingest.correlation.release import SETTLING
from shared.lifecycle import TicketState

_RELEASED: Final = frozenset({TicketState.NEW, TicketState.TRIAGED})


class MemoryGroups:
    """What groups tickets as they are opened, and lets them go when their parent has ended.

    ``grouped`` are those that were put under a parent, for whoever empties it.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._with_key: dict[str, dict[UUID, Kept]] = {}
        self._leaders: dict[str, UUID] = {}
        self.grouped: list[Kept] = []

    def remember(self, kept: Kept) -> None:
        """A ticket may belong to its groups from now on."""
        for group in kept.groups:
            self._with_key.setdefault(group.key, {})[kept.ticket_id] = kept

    async def members(self, keys: Sequence[str], since: datetime) -> list[Member]:
        """Who leads these groups, and the open tickets without a parent that began since then."""
        found: dict[UUID, Kept] = {}
        for key in keys:
            if (leader := self._leader(key)) is not None:
                found[leader.ticket_id] = leader
            found |= self._recent(key, since)
        return [_member(kept) for kept in found.values()]

    def _leader(self, key: str) -> Kept | None:
        leader = self._leaders.get(key)
        return None if leader is None else self._book.by_id.get(leader)

    def _recent(self, key: str, since: datetime) -> dict[UUID, Kept]:
        # Time only goes on: what is no member now is none before it is remembered again.
        fit = {
            ticket_id: kept
            for ticket_id, kept in self._with_key.get(key, {}).items()
            if kept.parent_id is None and not kept.ended and kept.since >= since
        }
        self._with_key[key] = fit
        return fit

    async def free(self, ticket_id: UUID, key: str) -> None:
        """A ticket that has ended leads the group no more."""
        kept = self._book.by_id[ticket_id]
        if kept.ended:
            kept.leads -= {key}
            self._leaders.pop(key, None)

    async def lead(self, ticket_id: UUID, key: str, now: datetime) -> bool:
        """Make a ticket the leader of a group."""
        kept = self._book.by_id[ticket_id]
        leader = self._leader(key)
        if kept.parent_id is not None or kept.ended or leader not in {None, kept}:
            return False
        kept.leads |= {key}
        kept.has_led, kept.led_at = True, now
        self._leaders[key] = ticket_id
        return True

    async def put(self, children: Sequence[Child], now: datetime) -> None:
        """Put tickets under their leaders, those that still may be."""
        for child in children:
            kept = self._book.by_id[child.ticket_id]
            if kept.parent_id is None and not kept.has_led and kept.state in MAY_BE_CHILD:
                self._book.put_under(kept, child.parent_id)
                kept.grouped_by, kept.grouped_because = child.rule, child.reason
                kept.grouped_at = now
                self.grouped.append(kept)
        for parent_id in {child.parent_id for child in children}:
            parent = self._book.by_id[parent_id]
            parent.led_at = now
            # One that ends before this is looked at again then.
            self._book.watch(parent, now + SETTLING)

    async def placed(self, ticket_ids: Iterable[UUID]) -> list[Placed]:
        """Those of these tickets that are under a parent now."""
        found = (self._book.by_id[one] for one in ticket_ids)
        return [
            Placed(
                ticket_id=kept.ticket_id,
                parent_id=kept.parent_id,
                reason=kept.grouped_because,
                at=kept.grouped_at or kept.created_at,
                # Who was put where is told by ``grouped``.
                untold=False,
                count=kept.count,
                alert=kept.alert,
            )
            for kept in found
            if kept.parent_id is not None
        ]

    # What ``correlation.release`` asks; here nothing is left untold.

    async def untold(self, before: datetime, most: int) -> list[Placed]:  # noqa: ARG002
        return []

    async def told(self, placed: Sequence[Placed]) -> None:
        """Nothing has to be noted."""

    async def ended(self, before: datetime) -> AsyncIterator[Ended]:
        """Leaders that ended before then, and whose children have not all been looked at since."""
        for kept in self._book.watched():
            led_at, ended_at = kept.led_at, kept.ended_at
            if kept.ended and led_at and (ended_at is None or ended_at <= before):
                yield Ended(kept.ticket_id, kept.title, kept.state, led_at)

    async def left_behind(self, parent: Ended, most: int) -> list[Released]:
        """The children of a parent that still fire."""
        found = self._book.children(parent.ticket_id)
        firing = [kept for kept in found if kept.state in _RELEASED and kept.firing]
        return [
            Released(
                ticket_id=kept.ticket_id,
                parent=parent,
                alert=kept.alert,
                count=kept.count,
                reopenings=kept.reopenings,
                flapping=bool(kept.flapping),
            )
            for kept in firing[:most]
        ]

    async def release(self, one: Released, now: datetime) -> bool:
        """Reopen a child without its parent."""
        kept = self._book.by_id[one.ticket_id]
        kept.reopen(now, one.because)
        self._book.let_go(kept)
        return True

    async def announced(self, ticket_ids: Sequence[UUID]) -> None:
        for one in ticket_ids:
            self._book.by_id[one].announced = True

    async def settle(self, parent: Ended) -> bool:
        """A parent that ended has no open children; False where it has."""
        if any(not kept.ended for kept in self._book.children(parent.ticket_id)):
            return False
        self._book.by_id[parent.ticket_id].led_at = None
        return True


def _member(kept: Kept) -> Member:
    return Member(
        ticket_id=kept.ticket_id,
        state=kept.state,
        created_at=kept.created_at,
        since=kept.since,
        groups=kept.groups,
        leads=kept.leads,
        has_led=kept.has_led,
        led_at=kept.led_at,
    )
