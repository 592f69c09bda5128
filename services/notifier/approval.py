"""An approval: who is asked for what, what they said, and what that comes to."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from services.notifier.question import (
    AlreadyDecided,
    Expired,
    NotAsked,
    NotOffered,
    Question,
    Recorded,
    Refused,
    too_late,
)
from services.notifier.recipients import Recipient
from shared.events import (
    Answer,
    Changeable,
    Decision,
    OnExpiry,
    OnNo,
    Proposal,
    Refusal,
    Seat,
    StepApprovalWithdrawn,
    StepApproved,
    StepAwaitingApproval,
    StepChange,
    StepChangeProposed,
    StepEvent,
    StepRejected,
)
from shared.lifecycle import ApprovalState, Risk
from shared.policy.quorum import Quorum, Standing, words
from shared.policy.voters import EVERYBODY, OnCall, Voters, different, person_of, voters

_NOTHING_SAID: Final = NotOffered("you have said nothing here that could be taken back")
#: Why a yes cannot be taken back any more.
BEGUN: Final = NotOffered("the step has begun, so your yes stands")


#: What people did, for others to read.
ANSWERED: Final[Mapping[Answer, str]] = {
    Answer.APPROVE: "said yes",
    Answer.REJECT: "said no",
    Answer.WITHDRAW: "took that back",
}


class Approval(Question):
    """A request for people's yes to one exact step.

    ``wanted`` says whose yes is missing. Where it is asked ``again``, it stands in the place of
    ``replaces``, which leads to it by ``superseded_by``. ``change`` is what people wanted of it
    before, and ``proposal`` why another request takes its place: somebody wants other values.
    """

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
    check: str | None = None
    dry_run: str = ""
    expects: str = ""
    required: int
    who: tuple[str, ...] = ()
    requester: str = ""
    not_requester: bool = True
    co_requesters: tuple[str, ...] = ()
    seats: tuple[Seat, ...] = ()
    on_no: OnNo = OnNo.REJECT
    on_expiry: OnExpiry = OnExpiry.REJECT
    replaces: UUID | None = None
    superseded_by: UUID | None = None
    again: str = ""
    wanted: str = ""
    change: StepChange | None = None
    changeable: Changeable | None = None
    proposal: Proposal | None = None
    runbook_seal: str = ""
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
        approval = cls(
            **event.model_dump(exclude={"id", "time", "approval_id", "alert", "given"}),
            id=event.approval_id,
            decisions=event.given,
            recipients=tuple(recipients) or (Recipient.at_terminal(),),
            created_at=now,
            trace=trace,
        )
        return approval.model_copy(update={"wanted": approval.standing().wanted})

    @property
    def bound_to(self) -> str:
        return self.step_hash

    @property
    def answers(self) -> tuple[Decision, ...]:
        return self.decisions

    @property
    def to_be_seen(self) -> tuple[str, ...]:
        """What a yes is to: the command, what runs besides it under that yes, and what it does."""
        return tuple(filter(None, (self.command, self.check, self.rollback, self.dry_run)))

    @property
    def voters(self) -> Voters:
        """Those whose yes counts."""
        return voters(
            self.who,
            requester=self.requester,
            not_requester=self.not_requester,
            co_requesters=self.co_requesters,
        )

    @property
    def quorum(self) -> Quorum:
        """Whose yes it needs."""
        return Quorum(self.voters, self.required, self.seats, self.on_no)

    def standing(self, on_call: OnCall = EVERYBODY) -> Standing:
        """What the answers so far come to."""
        return self.quorum.standing(self.decisions, since=self.created_at, on_call=on_call)

    def answer_of(self, by: str, channel: str) -> Decision | None:
        """See ``Question``; what was taken back was not said."""
        who = person_of(by, channel)
        said = (each for each in words(self.decisions) if person_of(each.by, each.channel) == who)
        return next(said, None)

    @property
    def approvals(self) -> int:
        """How many people say yes by now."""
        yes = (each for each in words(self.decisions) if each.answer is Answer.APPROVE)
        return len(different(yes))

    @property
    def needed(self) -> str:
        """Whose yes it needs, and what a no does, for people."""
        count = self.quorum.needed
        many = " from different people" if count > 1 else ""
        each = " and one of ".join(seat.name for seat in self.seats)
        seats = f", one of {each}" if each else ""
        return f"{count} yes{many}{seats}; {self.one_no}"

    @property
    def lacks(self) -> str:
        """Whose yes is missing, for people; one of before that was kept counts them only."""
        return self.wanted or f"{max(self.quorum.needed - self.approvals, 0)} more yes"

    @property
    def is_being_taken_back(self) -> bool:
        """Whether somebody took back a yes after it was settled.

        To take back a no may settle it: that takes back nothing that was settled.
        """
        if self.settled_at is None or not self.decisions:
            return False
        *before, last = self.decisions
        who = person_of(last.by, last.channel)
        return last.answer is Answer.WITHDRAW and any(
            said.answer is Answer.APPROVE and person_of(said.by, said.channel) == who
            for said in words(before)
        )

    @property
    def otherwise(self) -> str:
        """What becomes of it without an answer, for people."""
        if self.on_expiry is OnExpiry.ESCALATE:
            return "the step does not run, and the ticket goes to a person"
        return "the step is rejected and does not run"

    @property
    def one_no(self) -> str:
        """What a no does, for people."""
        if self.on_no is OnNo.MAJORITY:
            return f"a no is a vote against it, and {self.quorum.needed} of them reject it"
        return "one no stops it"

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
            case ApprovalState.APPROVED if self.is_being_taken_back:
                return self._taken_back(said)
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
            case ApprovalState.SUPERSEDED if self.proposal is not None:
                return StepChangeProposed.about(self.id, proposal=self.proposal, **said)
            case ApprovalState.PENDING | ApprovalState.SUPERSEDED:
                return None

    def _taken_back(self, said: dict[str, Any]) -> StepApprovalWithdrawn:
        last = self.decisions[-1]
        return StepApprovalWithdrawn.about(
            self.id,
            key=str(len(self.decisions)),
            decisions=self.decisions,
            **said | {"time": last.at},
        )


def decide(
    approval: Approval, decision: Decision, *, now: datetime, on_call: OnCall = EVERYBODY
) -> Recorded[Approval] | Refused:
    """What a decision comes to, by the rule that the step is under (see ``Quorum``).

    Where the first no ends it, everybody may say it. Whose yes counts is in the approval, and who
    is on call by ``on_call``. Who said something may take it back: what is not settled is open to
    that person again, and a yes that settled it may be taken back until the step begins.
    """
    if decision.answer is Answer.WITHDRAW:
        return _withdrawn(approval, decision, now=now, on_call=on_call)
    late = too_late(approval, decision, now=now)
    if late is not None:
        return late
    if decision.answer is Answer.APPROVE or approval.on_no is OnNo.MAJORITY:
        objection = approval.voters.against(decision, on_call=on_call, since=approval.created_at)
        if objection:
            return NotAsked(objection)
    if decision.answer is Answer.APPROVE and (other := _one_with(approval, decision)):
        return NotAsked(f"{other.told_by} said yes already, and you count as one person with that")
    return _with(approval, decision, now=now, on_call=on_call)


def _one_with(approval: Approval, yes: Decision) -> Decision | None:
    """The yes that was said before by whoever is one person with who says it now."""
    said = (each for each in words(approval.decisions) if each.answer is Answer.APPROVE)
    return next((each for each in said if len(different((each, yes))) == 1), None)


def _withdrawn(
    approval: Approval, decision: Decision, *, now: datetime, on_call: OnCall
) -> Recorded[Approval] | Refused:
    before = approval.answer_of(decision.by, decision.channel)
    match approval.state:
        case ApprovalState.EXPIRED:
            return Expired()
        case ApprovalState.PENDING if before is not None:
            late = now >= approval.expires_at
            return Expired() if late else _with(approval, decision, now=now, on_call=on_call)
        case ApprovalState.APPROVED if before is not None and before.answer is Answer.APPROVE:
            update = {"decisions": (*approval.decisions, decision)}
            return Recorded(approval.model_copy(update=update))
        case ApprovalState.REJECTED | ApprovalState.SUPERSEDED:
            return AlreadyDecided(approval.state)
    return _NOTHING_SAID


def _with(
    approval: Approval, decision: Decision, *, now: datetime, on_call: OnCall
) -> Recorded[Approval]:
    """The approval with one more answer, settled where that is enough."""
    decisions = (*approval.decisions, decision)
    standing = approval.quorum.standing(decisions, since=approval.created_at, on_call=on_call)
    update = {
        "decisions": decisions,
        "state": standing.state,
        "settled_at": None if standing.state is ApprovalState.PENDING else now,
        "wanted": standing.wanted,
    }
    return Recorded(approval.model_copy(update=update))


def superseded(question: Question) -> str:
    """What to tell of a question that does not count any more."""
    if isinstance(question, Approval) and (question.superseded_by or question.proposal):
        return "Asked anew: a newer message has the question that counts."
    return "Withdrawn: there is nothing left to decide."
