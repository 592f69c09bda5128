"""Tickets that time reopens: what they waited for has ended, and their problem has not."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.ingest.telling import reopening_id
from shared.events import Alert, TicketReopened
from shared.lifecycle import TicketState
from shared.store import Collection, Document

#: True of tickets whose problem is there, by all that their source has said.
FIRES: Final[Document] = {"firing": {"$nin": [[], None]}}


@dataclass(frozen=True, kw_only=True)
class Waiting(ABC):
    """A ticket that waits, as it stands."""

    ticket_id: UUID
    alert: Alert
    count: int
    reopenings: int
    flapping: bool

    @property
    @abstractmethod
    def because(self) -> str:
        """Why it is reopened."""

    @property
    def as_seen(self) -> Document:
        """The ticket, where it was not reopened since."""
        return {"_id": self.ticket_id, "reopenings": self.reopenings or None}

    def reopen(self, now: datetime, *, without: Iterable[str], **changes: Any) -> Document:
        """The write that reopens it; ``announce`` tells of it where nobody else does."""
        reopened = {"at": now, "reason": self.because, "number": self.reopenings + 1}
        state = {"state": TicketState.REOPENED.value, "updated_at": now, "reopened": reopened}
        return {
            "$set": {**state, **changes},
            "$inc": {"reopenings": 1},
            "$unset": dict.fromkeys((*without, "announced"), ""),
        }

    def reopened(self, at: datetime) -> TicketReopened:
        """That it was; the id is the same however often this is made of one reopening."""
        return TicketReopened(
            id=reopening_id(self.ticket_id, self.reopenings + 1),
            time=at,
            ticket_id=self.ticket_id,
            reason=self.because,
            alert=self.alert,
            count=self.count,
            flapping=self.flapping,
        )


def said_in(ticket: Document) -> dict[str, Any]:
    """The fields of ``Waiting``, from a ticket's document."""
    return {
        "ticket_id": ticket["_id"],
        "alert": Alert.model_validate(ticket["alert"]),
        "count": ticket["count"],
        "reopenings": ticket.get("reopenings", 0),
        "flapping": bool(ticket.get("flapping")),
    }


async def note_announced(tickets: Collection, ids: Sequence[UUID]) -> None:
    """Note that the stream has the reopening of these tickets, where that is of use yet."""
    reopened = {"_id": {"$in": list(ids)}, "state": TicketState.REOPENED.value}
    await tickets.update_many(reopened, {"$set": {"announced": True}})
