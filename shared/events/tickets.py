"""What happens to a ticket."""

from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from shared.events.alert import Alert
from shared.events.checks import CheckResult
from shared.events.envelope import Event
from shared.events.evidence import Look
from shared.lifecycle import Severity, Verdict


class TicketCreated(Event):
    """A problem without an open ticket was reported, and its ticket is stored.

    ``parent_id`` is the ticket that it was put under, and ``grouped_because`` why: only the parent
    gets a plan.
    """

    subject: ClassVar[str] = "ticket.created"
    alert: Alert
    parent_id: UUID | None = None
    grouped_because: str = ""


class Change(StrEnum):
    """What was learnt about an open ticket.

    ``repeated`` and ``resolved_at_source`` are what its source said; ``flapping`` that it comes and
    goes (its end counts again once it is calm); ``grouped`` that it was put under a parent.
    """

    REPEATED = "repeated"
    RESOLVED_AT_SOURCE = "resolved_at_source"
    FLAPPING = "flapping"
    GROUPED = "grouped"


class TicketUpdated(Event):
    """Something was learnt about an open ticket; ``reason`` says why, where its source did not."""

    subject: ClassVar[str] = "ticket.updated"
    change: Change
    count: int = Field(description="Firing notifications of this ticket so far.")
    alert: Alert
    reason: str = ""
    parent_id: UUID | None = None


class TicketTriaged(Event):
    """A ticket was judged and is worth a plan."""

    subject: ClassVar[str] = "ticket.triaged"
    alert: Alert
    verdict: Verdict
    confidence: float = Field(ge=0, le=1)
    severity: Severity
    reasons: tuple[str, ...]
    flapping: bool = Field(default=False, description="It comes and goes: no fix would hold.")
    evidence: dict[str, Any] = Field({}, description="What was gathered: facts, by their names.")
    looked: tuple[Look, ...] = Field((), description="The same for people, also what was not had.")


class TicketClosed(Event):
    """A ticket was closed without a fix: a false alarm, or suppressed by a maintenance window.

    ``by`` is the person who closed it, where one did.
    """

    subject: ClassVar[str] = "ticket.closed"
    verdict: Verdict
    confidence: float = Field(ge=0, le=1)
    severity: Severity
    reasons: tuple[str, ...]
    suppressed_by: str | None = Field(None, description="The maintenance window, by its name.")
    looked: tuple[Look, ...] = Field((), description="What was looked at before it was judged.")
    by: str = ""


class Resolution(StrEnum):
    """What says that the problem is gone: a check, the source, or a person whom nothing checks."""

    VERIFIED = "verified"
    SOURCE = "source"
    PERSON = "person"


class TicketResolved(Event):
    """The problem is gone: a machine checked it, or its source said so before anything ran.

    Or a person, ``by``, says so.
    """

    subject: ClassVar[str] = "ticket.resolved"
    title: str
    resolution: Resolution
    summary: str
    session_id: UUID | None = None
    checks: tuple[CheckResult, ...] = ()
    by: str = ""


class TicketEscalated(Event):
    """A person has to take over; ``reason`` says why and ``tried`` what was done.

    ``suggested`` is a plan that the policy lets nobody but a person carry out, a line a step.
    """

    subject: ClassVar[str] = "ticket.escalated"
    title: str
    reason: str
    tried: tuple[str, ...] = ()
    suggested: tuple[str, ...] = ()
    session_id: UUID | None = None
    checks: tuple[CheckResult, ...] = ()


class TicketReopened(Event):
    """A problem that was thought gone or taken care of is there, and is judged afresh."""

    subject: ClassVar[str] = "ticket.reopened"
    reason: str
    alert: Alert
    count: int = Field(description="Firing notifications of this ticket so far.")
    flapping: bool = Field(default=False, description="It comes and goes: no fix would hold.")
