"""What people want of tickets: that one ends, or that a runbook they name is planned for one."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.alert import Alert
from shared.events.envelope import Event, derived_id


class TicketDirective(StrEnum):
    """How a ticket is to end: the problem is gone, or it was none and nobody has to do anything."""

    RESOLVE = "resolve"
    CLOSE = "close"


class TicketDirected(Event):
    """Somebody said that a ticket is to end.

    ``signature`` is over all of it (``shared.signing``): no other word is heeded.
    """

    subject: ClassVar[str] = "ticket.directed"
    directive: TicketDirective
    by: str
    at: AwareDatetime
    reason: str
    signature: str = ""


class PlanRequested(Event):
    """Somebody wants a runbook that they name to be planned, by the policy as it stands.

    Whoever asks counts as the requester of the ticket. With an ``alert`` the ticket is new, and
    opened with it. ``signature`` is as in ``TicketDirected``.
    """

    subject: ClassVar[str] = "plan.requested"
    runbook: str
    params: dict[str, str] = Field({}, description="Parameters that are said, by their names.")
    by: str
    at: AwareDatetime
    reason: str = ""
    alert: Alert | None = None
    signature: str = ""

    @property
    def session_id(self) -> UUID:
        """The session that a plan made of it has."""
        return derived_id(self.id, "session")
