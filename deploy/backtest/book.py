"""The tickets of a backtest, in memory, and when something about them is due."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from services.ingest.comeback import JUDGED_AGAIN, Held
from services.ingest.ruling import Membership, Quiet
from shared.events import Alert
from shared.lifecycle import TICKET_ENDED, TicketState, Verdict
from shared.store import Document

_IDS: Final = UUID("5f0d7f3c-8f2b-4c57-9f5e-7d1a1d6a3b10")


@dataclass(eq=False)
class Kept:
    """One ticket as it stands; the fields are those of the stored one."""

    ticket_id: UUID
    fingerprint: str
    alert: Alert
    created_at: datetime
    state: TicketState = TicketState.NEW
    count: int = 0
    firing: set[str] = field(default_factory=set)
    source_resolved_at: datetime | None = None
    closed_at: datetime | None = None
    resolved_at: datetime | None = None
    verdict: Verdict | None = None
    quiet: Quiet | None = None
    comebacks: list[datetime] = field(default_factory=list)
    flapping: str = ""
    flaps_until: datetime | None = None
    reopenings: int = 0
    reopened_at: datetime | None = None
    reopened_because: str = ""
    title: str = ""
    groups: tuple[Membership, ...] = ()
    leads: frozenset[str] = frozenset()
    has_led: bool = False
    led_at: datetime | None = None
    parent_id: UUID | None = None
    grouped_by: str = ""
    grouped_because: str = ""
    grouped_at: datetime | None = None
    announced: bool = False

    @property
    def ended(self) -> bool:
        return self.state in TICKET_ENDED

    @property
    def ended_at(self) -> datetime | None:
        """When it last ended."""
        return max(filter(None, (self.closed_at, self.resolved_at)), default=None)

    @property
    def since(self) -> datetime:
        """When it was opened, or last reopened."""
        return self.reopened_at or self.created_at

    def held(self) -> Held:
        """As a firing alert finds it."""
        return Held(
            ticket_id=self.ticket_id,
            state=self.state,
            firing=frozenset(self.firing),
            ended_at=self.ended_at,
            closed_as_false=self.state is TicketState.CLOSED and self.verdict is Verdict.FALSE,
            window=self.quiet.window if self.quiet else "",
            comebacks=tuple(self.comebacks),
            flaps_until=self.flaps_until,
            reopenings=self.reopenings,
        )

    def document(self) -> Document:
        """What ``services.ingest.writes`` reads of a stored ticket."""
        return {
            "_id": self.ticket_id,
            "state": self.state.value,
            "count": self.count,
            "firing": self.firing,
            "created_at": self.created_at,
            "reopenings": self.reopenings,
            "reopened": {"reason": self.reopened_because},
            "flapping": {"because": self.flapping},
            "parent_id": self.parent_id,
            "grouped": {"reason": self.grouped_because},
            "announced": self.announced,
        }

    def reopen(self, at: datetime, because: str) -> None:
        """It is to be judged afresh, alone."""
        self.state, self.reopened_at, self.reopened_because = TicketState.REOPENED, at, because
        self.reopenings += 1
        self.announced = False
        self.closed_at = self.resolved_at = None


class Book:
    """Tickets by their ids, and the one that alerts with a fingerprint belong to.

    What nothing can change any more is forgotten, so that memory grows with the problems that there
    are at one time and not with the history.
    """

    def __init__(self, remember: timedelta) -> None:
        self.by_id: dict[UUID, Kept] = {}
        self._by_fingerprint: dict[str, Kept] = {}
        self._children: dict[UUID, set[UUID]] = {}
        self._watched: dict[UUID, Kept] = {}
        self._due: list[datetime] = []
        self._remember = max(remember, JUDGED_AGAIN)

    def open(self, fingerprint: str, alert: Alert, at: datetime) -> Kept:
        """A new ticket; its id is the same in each backtest of the same history."""
        ticket_id = uuid5(_IDS, f"{fingerprint}/{at.isoformat()}")
        kept = Kept(ticket_id, fingerprint, alert, at, title=alert.title)
        self.by_id[ticket_id] = self._by_fingerprint[fingerprint] = kept
        return kept

    def of(self, fingerprint: str) -> Kept | None:
        """The ticket that alerts with a fingerprint belong to."""
        return self._by_fingerprint.get(fingerprint)

    def retire(self, kept: Kept) -> None:
        """Alerts with its fingerprint belong to it no more."""
        if self._by_fingerprint.get(kept.fingerprint) is kept:
            del self._by_fingerprint[kept.fingerprint]

    def put_under(self, kept: Kept, parent_id: UUID) -> None:
        kept.parent_id = parent_id
        self._children.setdefault(parent_id, set()).add(kept.ticket_id)

    def let_go(self, kept: Kept) -> None:
        """It is under no parent any more."""
        if kept.parent_id is not None:
            self._children.get(kept.parent_id, set()).discard(kept.ticket_id)
        kept.parent_id, kept.grouped_because, kept.grouped_at = None, "", None

    def children(self, parent_id: UUID) -> Iterator[Kept]:
        """Tickets under a parent, the oldest first."""
        ids = self._children.get(parent_id, ())
        found = (self.by_id[one] for one in ids if one in self.by_id)
        return iter(sorted(found, key=lambda kept: (kept.created_at, kept.ticket_id)))

    def watch(self, kept: Kept, at: datetime) -> None:
        """Time changes a ticket: it is suppressed, or flaps, or has led; look at it then."""
        self._watched[kept.ticket_id] = kept
        self.due(at)

    def watched(self) -> list[Kept]:
        """Those that time may still change."""
        for kept in list(self._watched.values()):
            if kept.quiet is None and kept.flaps_until is None and kept.led_at is None:
                del self._watched[kept.ticket_id]
        return list(self._watched.values())

    def due(self, at: datetime) -> None:
        """Something has to be looked at then."""
        heapq.heappush(self._due, at)

    def next_due(self, until: datetime) -> datetime | None:
        """The next time at which that is so, if it comes before then; each is told once."""
        if not self._due or self._due[0] >= until:
            return None
        at = heapq.heappop(self._due)
        while self._due and self._due[0] == at:
            heapq.heappop(self._due)
        return at

    def forget(self, now: datetime) -> None:
        """Let go of what ended so long ago that no alert can change it."""
        before = now - self._remember
        for kept in list(self.by_id.values()):
            ended_at = kept.ended_at
            if ended_at is None or ended_at >= before or kept.quiet or kept.led_at:
                continue
            self.retire(kept)
            self.let_go(kept)
            self._children.pop(kept.ticket_id, None)
            del self.by_id[kept.ticket_id]

    def open_now(self) -> int:
        """How many tickets have not ended."""
        return sum(not kept.ended for kept in self.by_id.values())
