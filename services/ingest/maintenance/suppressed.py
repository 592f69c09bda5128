"""What becomes of a ticket that a maintenance window suppressed, as time goes by."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.ruling import Quiet
from shared.events import Alert, TicketReopened
from shared.events.envelope import derived_id


@dataclass(frozen=True)
class Suppressed:
    """A suppressed ticket as it stands; ``firing`` says whether its problem is there."""

    ticket_id: UUID
    alert: Alert
    quiet: Quiet
    firing: bool
    count: int
    reopenings: int
    flapping: bool

    @property
    def because(self) -> str:
        """Why it is reopened."""
        return f"the maintenance window {self.quiet.window} is over, and it still fires"

    def reopened(self, at: datetime) -> TicketReopened:
        """That it is; the id is the same however often this is made of one reopening."""
        number = self.reopenings + 1
        return TicketReopened(
            id=derived_id(self.ticket_id, f"{TicketReopened.subject}.{number}"),
            time=at,
            ticket_id=self.ticket_id,
            reason=self.because,
            alert=self.alert,
            count=self.count,
            flapping=self.flapping,
        )
