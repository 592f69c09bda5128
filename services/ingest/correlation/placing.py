"""Tickets that are put under a parent, and that are let go: what is told of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.reopening import Waiting
from shared.events import Alert, Change, TicketUpdated
from shared.events.envelope import derived_id
from shared.lifecycle import TicketState


@dataclass(frozen=True)
class Child:
    """A ticket that is to be put under a parent."""

    ticket_id: UUID
    parent_id: UUID
    rule: str
    reason: str


@dataclass(frozen=True)
class Placed:
    """A ticket that is under a parent.

    ``untold`` says that an event of its own has yet to tell so.
    """

    ticket_id: UUID
    parent_id: UUID
    reason: str
    at: datetime
    untold: bool
    count: int
    alert: Alert

    def grouped(self) -> TicketUpdated:
        """That it was put there; the id is the same however often this is made."""
        return TicketUpdated(
            id=derived_id(
                self.ticket_id,
                f"{TicketUpdated.subject}.grouped",
                f"{self.parent_id}/{self.at.timestamp():.3f}",
            ),
            time=self.at,
            ticket_id=self.ticket_id,
            change=Change.GROUPED,
            count=self.count,
            alert=self.alert,
            reason=self.reason,
            parent_id=self.parent_id,
        )


@dataclass(frozen=True)
class Ended:
    """A parent that has ended."""

    ticket_id: UUID
    title: str
    state: TicketState
    led_at: datetime


@dataclass(frozen=True, kw_only=True)
class Released(Waiting):
    """A child of a parent that has ended without it."""

    parent: Ended

    @property
    def because(self) -> str:
        return f"its parent {self.parent.title} is {self.parent.state.value}, and it still fires"
