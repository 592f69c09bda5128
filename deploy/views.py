"""What commands show of tickets, sessions and their output, as it stands in the store."""

from typing import Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, computed_field

from services.console.chain import Entry, first_break
from services.executor.session import Session
from services.executor.waiting import Wait
from services.ingest.ticket import Decision
from shared.connectors.protocol import Stream
from shared.events import Alert
from shared.events.evidence import Look
from shared.lifecycle import Severity, TicketState, Verdict
from shared.store import Document


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Judged(_View):
    """What triage made of a ticket, and what it had looked at."""

    verdict: Verdict
    confidence: float
    reasons: tuple[str, ...] = ()
    evidence: dict[str, Any] = {}
    looked: tuple[Look, ...] = ()


class Escalated(_View):
    """Why a person has to look at it; ``caused_by`` is the event that led to it."""

    reason: str = ""
    caused_by: UUID | None = None


class Resolved(_View):
    """How a ticket was resolved, and what was checked."""

    resolution: str = ""
    summary: str = ""
    checks: tuple[dict[str, Any], ...] = ()


class Suppressed(_View):
    """The maintenance window that a ticket was opened in, closed."""

    window: str
    reason: str = ""
    until: AwareDatetime


class Grouped(_View):
    """Why a ticket is part of another one, and since when."""

    rule: str = ""
    reason: str = ""
    at: AwareDatetime | None = None


class Reopened(_View):
    """Why a ticket was reopened last, and how often it was."""

    reason: str = ""
    number: int = 1


class Flapping(_View):
    """How often its problem came back, where that is too often."""

    because: str = ""


class Waiting(_View):
    """The choice between runbooks that it waits for."""

    id: UUID
    asked_at: AwareDatetime
    expires_at: AwareDatetime


class Relative(_View):
    """The parent or a child of a ticket; ``reason`` is why the child is under the parent."""

    id: UUID
    state: TicketState
    title: str
    reason: str


class Family(_View):
    """The tickets that one is grouped with."""

    parent: Relative | None = None
    children: tuple[Relative, ...] = ()


class Ticket(_View):
    """One ticket as it stands."""

    id: UUID
    state: TicketState
    title: str
    severity: Severity | None = None
    source: str
    fingerprint: str
    count: int = 0
    created_at: AwareDatetime
    updated_at: AwareDatetime
    last_seen_at: AwareDatetime | None = None
    source_resolved_at: AwareDatetime | None = None
    session_id: UUID | None = None
    verdict: Judged | None = None
    escalated: Escalated | None = None
    resolved: Resolved | None = None
    suppressed: Suppressed | None = None
    parent_id: UUID | None = None
    grouped: Grouped | None = None
    reopened: Reopened | None = None
    flapping: Flapping | None = None
    choice: Waiting | None = None
    alert: Alert

    @property
    def waits_for(self) -> Waiting | None:
        """The choice that somebody has to make now, if so."""
        return self.choice if self.state is TicketState.TRIAGED else None

    @classmethod
    def of(cls, document: Document) -> Self:
        return cls.model_validate({**document, "id": document["_id"]})


class AlertView(_View):
    """One accepted alert, what was decided and because of what, and its ticket, if it has one.

    What was kept before decisions were has none.
    """

    id: str
    at: AwareDatetime
    decision: Decision | None = None
    because: str = ""
    ticket_id: UUID | None = None
    alert: Alert

    @classmethod
    def of(cls, document: Document) -> Self:
        return cls.model_validate({**document, "id": str(document["_id"])})


class Usage(_View):
    """What an attempt took where it ran: seconds of all cores, and bytes at its most."""

    cpu_s: float
    memory: int | None = None


class Output(_View):
    """What one attempt at a step wrote.

    ``cut`` says that it is not all: the middle of a long one is left out, and of one that still
    runs, or whose end nobody saw, only what came by now is there.
    """

    step_id: str
    attempt: int
    stdout: str = ""
    stderr: str = ""
    cut: bool = False
    exit_code: int | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    usage: Usage | None = None

    @computed_field
    def duration_s(self) -> float | None:
        """How long it took; None while it runs."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


class Piece(_View):
    """A part of what an attempt wrote; ``offset`` counts bytes from where its stream began."""

    step_id: str
    attempt: int
    fence: int = 0
    stream: Stream
    offset: int
    text: str


class SessionView(_View):
    """A session, what it waits for, and what its commands wrote."""

    session: Session
    output: tuple[Output, ...]
    waits: tuple[Wait, ...] = ()
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @property
    def is_stuck(self) -> bool:
        return any(wait.is_stuck for wait in self.waits)

    def of_step(self, step_id: str) -> Output | None:
        """What the last attempt at a step wrote."""
        of_step = [output for output in self.output if output.step_id == step_id]
        return max(of_step, key=lambda output: output.attempt, default=None)


class Timeline(_View):
    """The life of one ticket; ``broken_at`` is the first entry that is not what it was."""

    ticket_id: UUID
    intact: bool
    broken_at: int | None
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, ticket_id: UUID, entries: tuple[Entry, ...]) -> Self:
        broken = first_break(entries)
        return cls(ticket_id=ticket_id, intact=broken is None, broken_at=broken, entries=entries)
