"""An approval: who is asked for what, what they said, and what that comes to."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from services.notifier.question import NotAsked, Question, Recorded, Refused, too_late
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
from shared.lifecycle import ApprovalState, Risk
from shared.policy.voters import EVERYBODY, OnCall, Voters, voters


class Approval(Question):
    """A request for people's yes to one exact step."""

    session_id: UUID
    step_id: str
    step_hash: str
    runbook: str
    title: str
    connector: str
    target: str
    command: str
    risk: Risk
    why: str
    evidence: tuple[str, ...] = ()
    rollback: str | None = None
    dry_run: str = ""
    expects: str = ""
    required: int
    who: tuple[str, ...] = ()
    requester: str = ""
    not_requester: bool = True
    decisions: tuple[Decision, ...] = ()

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
            **event.model_dump(exclude={"id", "time", "approval_id", "alert"}),
            id=event.approval_id,
            recipients=tuple(recipients) or (Recipient.at_terminal(),),
            created_at=now,
            trace=trace,
        )

    @property
    def bound_to(self) -> str:
        return self.step_hash

    @property
    def answers(self) -> tuple[Decision, ...]:
        return self.decisions

    @property
    def voters(self) -> Voters:
        """Those whose yes counts."""
        return voters(self.who, requester=self.requester, not_requester=self.not_requester)

    @property
    def approvals(self) -> int:
        """How many people said yes so far."""
        return sum(decision.answer is Answer.APPROVE for decision in self.decisions)

    def outcome(self, *, expiry: str = "") -> StepEvent | None:
        """See ``Question``: what the executor has to hear."""
        said: dict[str, Any] = {
            "ticket_id": self.ticket_id,
            "session_id": self.session_id,
            "step_id": self.step_id,
            "approval_id": self.id,
            "step_hash": self.step_hash,
            "time": self.settled_at,
        }
        match self.state:
            case ApprovalState.APPROVED:
                return StepApproved.about(self.id, decisions=self.decisions, **said)
            case ApprovalState.REJECTED:
                return StepRejected.about(
                    self.id, refusal=Refusal.REJECTED, decisions=self.decisions, **said
                )
            case ApprovalState.EXPIRED:
                return StepRejected.about(
                    self.id, refusal=Refusal.EXPIRED, signature=expiry, **said
                )
            case ApprovalState.PENDING | ApprovalState.SUPERSEDED:
                return None


def decide(
    approval: Approval, decision: Decision, *, now: datetime, on_call: OnCall = EVERYBODY
) -> Recorded[Approval] | Refused:
    """What a decision comes to: one no rejects, ``required`` different people approve.

    Everybody may say no; whose yes counts is in the approval, and who is on call by ``on_call``.
    """
    late = too_late(approval, decision, now=now)
    if late is not None:
        return late
    if decision.answer is Answer.APPROVE:
        objection = approval.voters.objection(
            decision.by,
            decision.channel,
            on_call=on_call,
            since=approval.created_at,
            until=decision.at,
        )
        if objection:
            return NotAsked(objection)
    after = approval.model_copy(update={"decisions": (*approval.decisions, decision)})
    state = _settled_by(after, decision)
    settled_at = None if state is ApprovalState.PENDING else now
    return Recorded(after.model_copy(update={"state": state, "settled_at": settled_at}))


def _settled_by(approval: Approval, decision: Decision) -> ApprovalState:
    if decision.answer is Answer.REJECT:
        return ApprovalState.REJECTED
    enough = approval.approvals >= max(1, approval.required)
    return ApprovalState.APPROVED if enough else ApprovalState.PENDING
