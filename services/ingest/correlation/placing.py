"""Tickets that are put under a parent, and that are let go: what is told of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.telling import reopening_id
from shared.events import Alert, Change, TicketReopened, TicketUpdated
from shared.events.envelope import derived_id
from shared.lifecycle import TicketState


@dataclass(frozen=True)
class Child:
    """A ticket that is to be put under a parent.

    ``untold`` says that an event of its own has to tell so: it was not opened just now.
    """

    ticket_id: UUID
    parent_id: UUID
    rule: str
    reason: str
    untold: bool


@dataclass(frozen=True)
class Placed:
    """A ticket that is under a parent."""

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


@dataclass(frozen=True)
class Released:
    """A child of a parent that has ended without it."""

    ticket_id: UUID
    parent: Ended
    alert: Alert
    count: int
    reopenings: int
    flapping: bool

    @property
    def because(self) -> str:
        """Why it is reopened."""
        return f"its parent {self.parent.title} is {self.parent.state.value}, and it still fires"

    def reopened(self, at: datetime) -> TicketReopened:
        """That it is; the id is the same however often this is made of one reopening."""
        return TicketReopened(
            id=reopening_id(self.ticket_id, self.reopenings + 1),
            time=at,
            ticket_id=self.ticket_id,
            reason=self.because,
            alert=self.alert,
            count=self.count,
            flapping=self.flapping,
        )
