"""An approval: who is asked for what, what they said, and what that comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.links import TERMINAL, Channel
from services.notifier.recipients import Recipient
from shared.events import (
    Answer,
    Decision,
    Refusal,
    StepApproved,
    StepAwaitingApproval,
    StepEvent,
    StepRejected,
)
from shared.lifecycle import ApprovalState, Risk, Severity
from shared.policy.terms import may_approve


class Approval(BaseModel):
    """A request for people's yes to one exact step. ``trace`` is the trace that it belongs to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    state: ApprovalState = ApprovalState.PENDING
    ticket_id: UUID
    session_id: UUID
    step_id: str
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
    required: int
    who: tuple[str, ...] = ()
    recipients: tuple[Recipient, ...]
    decisions: tuple[Decision, ...] = ()
    created_at: AwareDatetime
    expires_at: AwareDatetime
    settled_at: AwareDatetime | None = None
    trace: str = ""

    @classmethod
    def asked(
        cls,
        event: StepAwaitingApproval,
        recipients: Iterable[Recipient],
        *,
        now: datetime,
        trace: str,
    ) -> Self:
        """The approval that a waiting step needs; the terminal is asked where nobody else is."""
        return cls(
            **event.model_dump(exclude={"id", "time", "approval_id"}),
            id=event.approval_id,
            recipients=tuple(recipients) or (Recipient.at_terminal(),),
            created_at=now,
            trace=trace,
        )

    @property
    def approvals(self) -> int:
        """How many people said yes so far."""
        return sum(decision.answer is Answer.APPROVE for decision in self.decisions)

    def open_at(self, now: datetime) -> bool:
        """Whether an answer would still count."""
        return self.state is ApprovalState.PENDING and now < self.expires_at

    def answer_of(self, by: str, channel: str) -> Decision | None:
        """What this person has said already."""
        asked = _person(by, channel)
        return next((d for d in self.decisions if _person(d.by, d.channel) == asked), None)


@dataclass(frozen=True)
class Recorded:
    """The answer counts; ``approval`` is as it has become."""

    approval: Approval


@dataclass(frozen=True)
class AlreadyAnswered:
    """This person has answered before, and that stands."""

    decision: Decision


@dataclass(frozen=True)
class AlreadyDecided:
    """It was settled before this answer came."""

    state: ApprovalState


@dataclass(frozen=True)
class Expired:
    """The time to answer is over."""


@dataclass(frozen=True)
class NotAsked:
    """The policy wants the yes of others: of ``who``."""

    who: tuple[str, ...]


Outcome = Recorded | AlreadyAnswered | AlreadyDecided | Expired | NotAsked


def decide(approval: Approval, decision: Decision, *, now: datetime) -> Outcome:
    """What a decision comes to: one no rejects, ``required`` different people approve.

    Everybody may say no; whose yes counts is in the approval.
    """
    said = approval.answer_of(decision.by, decision.channel)
    if said is not None:
        return AlreadyAnswered(said)
    if approval.state is ApprovalState.EXPIRED:
        return Expired()
    if approval.state is not ApprovalState.PENDING:
        return AlreadyDecided(approval.state)
    if now >= approval.expires_at:
        return Expired()
    if decision.answer is Answer.APPROVE and not may_approve(approval.who, decision.by):
        return NotAsked(approval.who)
    after = approval.model_copy(update={"decisions": (*approval.decisions, decision)})
    state = _settled_by(after, decision)
    settled_at = None if state is ApprovalState.PENDING else now
    return Recorded(after.model_copy(update={"state": state, "settled_at": settled_at}))


def expired(approval: Approval, *, now: datetime) -> Approval:
    """The approval after nobody, or too few, answered in time."""
    return approval.model_copy(update={"state": ApprovalState.EXPIRED, "settled_at": now})


def outcome_event(approval: Approval, *, expiry: str = "") -> StepEvent | None:
    """What the executor has to hear of an approval in this state, if anything.

    Args:
        approval: as it has become.
        expiry: the signature over an expiry, which no person signs.
    """
    said: dict[str, Any] = {
        "ticket_id": approval.ticket_id,
        "session_id": approval.session_id,
        "step_id": approval.step_id,
        "approval_id": approval.id,
        "step_hash": approval.step_hash,
        "time": approval.settled_at,
    }
    match approval.state:
        case ApprovalState.APPROVED:
            return StepApproved.about(approval.id, decisions=approval.decisions, **said)
        case ApprovalState.REJECTED:
            return StepRejected.about(
                approval.id, refusal=Refusal.REJECTED, decisions=approval.decisions, **said
            )
        case ApprovalState.EXPIRED:
            return StepRejected.about(
                approval.id, refusal=Refusal.EXPIRED, signature=expiry, **said
            )
        case ApprovalState.PENDING | ApprovalState.SUPERSEDED:
            return None


def _settled_by(approval: Approval, decision: Decision) -> ApprovalState:
    if decision.answer is Answer.REJECT:
        return ApprovalState.REJECTED
    enough = approval.approvals >= max(1, approval.required)
    return ApprovalState.APPROVED if enough else ApprovalState.PENDING


def _person(by: str, channel: str) -> str:
    # Nobody can tell who sits at a terminal, so all of its answers are those of one person.
    return TERMINAL if channel == Channel.TERMINAL else by.casefold()
