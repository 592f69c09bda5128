"""A choice between runbooks that a person is asked for, and what the answer comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from services.planner.plan import Conclusion
from services.planner.undecided import Undecided
from shared.events import (
    Choosing,
    PlanChoiceNeeded,
    PlanChosen,
    PlanReady,
    Refusal,
    TicketEscalated,
    TicketTriaged,
)
from shared.signing import ForgedDecisionError, Signer


@dataclass(frozen=True)
class Choice:
    """The question as it was asked, the ticket, and the plans exactly as they were shown."""

    needed: PlanChoiceNeeded
    ticket: TicketTriaged
    plans: tuple[PlanReady, ...]

    @property
    def id(self) -> UUID:
        return self.needed.choice_id


def choice_id(cause: UUID) -> UUID:
    """The choice that an event leads to; the same however often the event comes."""
    return uuid5(cause, "choice")


def asked(
    ticket: TicketTriaged,
    undecided: Undecided,
    ruled: Sequence[Conclusion],
    *,
    now: datetime,
    expires_after: timedelta,
) -> Choice | TicketEscalated:
    """The question which runbook, or why it would be in vain.

    Args:
        ticket: as triage told it.
        undecided: the runbooks that come into question.
        ruled: what the policy makes of the plan of each that has one, in their order.
        now: when it is asked.
        expires_after: how long people have.
    """
    by_name = {one.runbook.name: one for one in ruled if isinstance(one, PlanReady)}
    refused = [one for one in ruled if isinstance(one, TicketEscalated)]
    if not by_name:
        return refused[0]
    reasons = iter(one.reason for one in refused)
    tried = [
        one.hindered(next(reasons)) if one.plan is not None and one.name not in by_name else one
        for one in undecided.tried
    ]
    needed = PlanChoiceNeeded.following(
        ticket,
        time=now,
        choice_id=choice_id(ticket.id),
        alert=ticket.alert,
        severity=ticket.severity,
        because=undecided.because,
        found_by=undecided.found_by,
        options=tuple(one.option() for one in tried),
        expires_at=now + expires_after,
    )
    return Choice(needed, ticket, tuple(one.plan for one in tried if one.plan is not None))


def settled(choice: Choice, said: PlanChosen, signer: Signer) -> Conclusion:
    """The plan that a person chose, or the escalation that their answer means.

    Raises:
        ForgedDecisionError: nobody signed this answer to exactly this question.
    """
    digest = choice.needed.digest
    if (said.choice_id, said.digest) != (choice.id, digest):
        raise ForgedDecisionError("the answer is about another choice than the one that was asked")
    if said.refusal is Refusal.EXPIRED:
        signer.check_expiry(said.signature, approval_id=choice.id, step_hash=digest)
        return _escalated(choice, f"nobody chose in time between {_names(choice)}")
    if len(said.decisions) != 1:
        raise ForgedDecisionError(f"one person chooses, and {len(said.decisions)} did")
    (answer,) = said.decisions
    signer.check_choice(answer, choice_id=choice.id, digest=digest)
    return _answered(choice, answer)


def _answered(choice: Choice, answer: Choosing) -> Conclusion:
    why = f": {answer.reason}" if answer.reason else ""
    if answer.runbook is None:
        return _escalated(choice, f"{answer.by} chose none of {_names(choice)}{why}")
    plan = next((one for one in choice.plans if one.runbook.name == answer.runbook), None)
    if plan is None:
        raise ForgedDecisionError(f"{answer.runbook} is none of {_names(choice)}")
    chosen = f"{answer.by} chose it out of {_names(choice)}{why}"
    return plan.model_copy(update={"time": answer.at, "reasons": (chosen, *plan.reasons)})


def _names(choice: Choice) -> str:
    return ", ".join(option.name for option in choice.needed.options)


def _escalated(choice: Choice, reason: str) -> TicketEscalated:
    tried = tuple(
        f"{option.name}: {'; '.join(option.hinders) or 'was not chosen'}"
        for option in choice.needed.options
    )
    ticket = choice.ticket
    return TicketEscalated.following(ticket, title=ticket.alert.title, reason=reason, tried=tried)
