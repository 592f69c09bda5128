"""What happens to a step of a plan."""

from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.alert import Alert
from shared.events.approvals import Decision
from shared.events.changes import Changeable, Proposal, StepChange
from shared.events.envelope import Event
from shared.events.plans import OnExpiry, OnNo, Seat
from shared.lifecycle import Risk, Severity


class StepEvent(Event):
    """What is common to all that happens to a step."""

    session_id: UUID
    step_id: str


class StepAwaitingApproval(StepEvent):
    """A step may not run before people say yes to exactly this."""

    subject: ClassVar[str] = "step.awaiting_approval"
    approval_id: UUID
    step_hash: str
    ticket_title: str
    severity: Severity
    runbook: str
    title: str
    connector: str
    target: str
    command: str
    risk: Risk
    why: str
    evidence: tuple[str, ...] = ()
    rollback: str | None = None
    check: str | None = Field(
        None, description="Run before the command, where exit code 0 means that it is done already."
    )
    dry_run: str = Field("", description="What it would do, as the target itself says.")
    expects: str = ""
    required: int = Field(description="How many different people have to say yes.")
    who: tuple[str, ...] = Field(
        (),
        description="Whose yes counts: addresses, `on-call` and `on-call:SCHEDULE`; everybody's "
        "where it is empty.",
    )
    requester: str = Field("", description="The address of who asked for the ticket, if a person.")
    not_requester: bool = Field(
        default=True, description="Whether the yes of whoever asked for the ticket does not count."
    )
    co_requesters: tuple[str, ...] = Field(
        (),
        description="Others who count as who asked for the ticket: who asked for its plan since, "
        "or wrote the command.",
    )
    seats: tuple[Seat, ...] = Field(
        (), description="Each needs a yes of its own, all by different people."
    )
    on_no: OnNo = OnNo.REJECT
    on_expiry: OnExpiry = OnExpiry.REJECT
    replaces: UUID | None = Field(
        None, description="The request about the same step that this one stands for."
    )
    again: str = Field("", description="Why it is asked again, where that is so.")
    change: StepChange | None = Field(
        None, description="Who wanted other values for it, where it is asked again for that."
    )
    changeable: Changeable | None = Field(
        None, description="The values that people may change, where there are some."
    )
    alert: Alert | None = Field(None, description="The alert that the ticket is about.")
    runbook_labels: dict[str, str] = Field({}, description="Those of the runbook's metadata.")
    runbook_seal: str = Field(
        "",
        description="The runbook's text, where it may be allowed in advance for a while.",
    )
    given: tuple[Decision, ...] = Field(
        (), description="What people said in advance, each as a decision about this step."
    )
    expires_at: AwareDatetime
    signature: str = Field("", description="The executor's, over all that is told here.")


class StepApproved(StepEvent):
    """Enough people said yes."""

    subject: ClassVar[str] = "step.approved"
    approval_id: UUID
    step_hash: str
    decisions: tuple[Decision, ...]


class Refusal(StrEnum):
    """Why a step will not run."""

    REJECTED = "rejected"
    EXPIRED = "expired"


class StepRejected(StepEvent):
    """A person said no, or nobody answered in time (then there is no decision)."""

    subject: ClassVar[str] = "step.rejected"
    approval_id: UUID
    step_hash: str
    refusal: Refusal
    decisions: tuple[Decision, ...] = ()
    signature: str = Field("", description="Over an expiry, which no person signs.")


class StepApprovalWithdrawn(StepEvent):
    """A person takes back a yes that enough others had joined; it counts until the step begins.

    The last of ``decisions`` says so; before it are all answers to that request, in their order.
    """

    subject: ClassVar[str] = "step.approval_withdrawn"
    approval_id: UUID
    step_hash: str
    decisions: tuple[Decision, ...]


class StepChangeProposed(StepEvent):
    """A person would say yes to a step with other values: it is asked about anew with these."""

    subject: ClassVar[str] = "step.change_proposed"
    approval_id: UUID
    step_hash: str
    proposal: Proposal


class StepHeld(StepEvent):
    """A step could run and has to wait: ``reason`` says for what."""

    subject: ClassVar[str] = "step.held"
    reason: str


class StepStarted(StepEvent):
    """An executor claimed a step and is about to run it."""

    subject: ClassVar[str] = "step.started"
    attempt: int
    owner: str
    connector: str
    target: str
    command: str
    allowed_by: tuple[str, ...] = Field(
        (), description="Who allowed it in advance, where nobody was asked."
    )


class StepOutcome(StrEnum):
    """How a step ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    ROLLED_BACK = "rolled_back"


class StepDone(StepEvent):
    """A step ended."""

    subject: ClassVar[str] = "step.done"
    attempt: int
    outcome: StepOutcome
    exit_code: int | None = None
    output: str = Field("", description="The end of what the command wrote, secrets masked.")
    reason: str = ""
    outputs: dict[str, Any] = Field({}, description="What was found in it, by its name.")
    reattached: bool = Field(
        default=False,
        description="Whether another executor than the one that started it saw it end.",
    )
    started_at: AwareDatetime | None = None
