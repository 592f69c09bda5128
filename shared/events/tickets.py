"""What happens to a ticket."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.events.alert import Alert
from shared.events.checks import CheckResult
from shared.events.envelope import Event
from shared.lifecycle import Severity, Verdict


class TicketCreated(Event):
    """A problem without an open ticket was reported, and its ticket is stored."""

    subject: ClassVar[str] = "ticket.created"
    alert: Alert


class Change(StrEnum):
    """What a later notification told about an open ticket."""

    REPEATED = "repeated"
    RESOLVED_AT_SOURCE = "resolved_at_source"


class TicketUpdated(Event):
    """An open ticket's source sent another notification."""

    subject: ClassVar[str] = "ticket.updated"
    change: Change
    count: int = Field(description="Firing notifications of this ticket so far.")
    alert: Alert


class TicketTriaged(Event):
    """A ticket was judged and is worth a plan."""

    subject: ClassVar[str] = "ticket.triaged"
    alert: Alert
    verdict: Verdict
    confidence: float = Field(ge=0, le=1)
    severity: Severity
    reasons: tuple[str, ...]


class TicketClosed(Event):
    """A ticket was closed without a fix, such as a false alarm."""

    subject: ClassVar[str] = "ticket.closed"
    verdict: Verdict
    confidence: float = Field(ge=0, le=1)
    severity: Severity
    reasons: tuple[str, ...]


class Resolution(StrEnum):
    """What says that the problem is gone."""

    VERIFIED = "verified"
    SOURCE = "source"


class TicketResolved(Event):
    """The problem is gone: a machine checked it, or its source said so before anything ran."""

    subject: ClassVar[str] = "ticket.resolved"
    title: str
    resolution: Resolution
    summary: str
    session_id: UUID | None = None
    checks: tuple[CheckResult, ...] = ()


class TicketEscalated(Event):
    """A person has to take over; ``reason`` says why and ``tried`` what was done."""

    subject: ClassVar[str] = "ticket.escalated"
    title: str
    reason: str
    tried: tuple[str, ...] = ()
    session_id: UUID | None = None
    checks: tuple[CheckResult, ...] = ()


class TicketReopened(Event):
    """A problem that was thought gone came back."""

    subject: ClassVar[str] = "ticket.reopened"
    reason: str
