"""A step that is about to begin, as the policy is asked about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.executor.session import Session
from shared.calls.families import FAMILIES
from shared.config import Target
from shared.events import ApprovalRule, Step
from shared.lifecycle import Effect
from shared.policy.facts import (
    Facts,
    HistoryFacts,
    RunbookFacts,
    StepFacts,
    TargetFacts,
    TicketFacts,
)
from shared.policy.records.record import Record
from shared.policy.ruling import Ruling, stricter
from shared.policy.terms import Author, Outcome


@dataclass(frozen=True)
class Circumstances:
    """What is known beside the session; None is what is not known.

    ``begun_here`` are the changing steps on the step's target that began in the last hour, this one
    not included.
    """

    now: datetime
    count: int | None = None
    record: Record | None = None
    begun_here: int | None = None


def facts(
    session: Session, step: Step, targets: Mapping[str, Target], around: Circumstances
) -> Facts:
    """All that is known of a step when it is about to begin."""
    return Facts(
        ticket=_ticket(session, around),
        runbook=RunbookFacts(
            name=session.runbook.name,
            version=session.runbook.version,
            labels=session.runbook.labels,
            proposed_by=Author.PERSON,
            found_by=session.found_by,
        ),
        step=StepFacts(
            id=step.id,
            uses=step.uses,
            risk=step.risk,
            effect=step.effect,
            command=step.run,
            action=step.run.partition("\n")[0] if step.uses in FAMILIES else None,
            others=tuple(other for other in (step.check, step.rollback) if other),
        ),
        target=_target(step, targets),
        history=_history(around),
        now=around.now,
    )


def under(step: Step, ruling: Ruling, expires: ApprovalRule) -> ApprovalRule:
    """The approval that a step needs now: what its plan asked for, or more where the policy does.

    What takes a step back was agreed to with the step: only a rule that is about it asks again.
    """
    is_agreed_to = step.undoes is not None and expires.required == 0
    if is_agreed_to and ruling.rule in ("default", "least"):
        return expires
    both = stricter(_ruling(expires), ruling)
    if both.required == 0:
        return expires
    return step.under(
        expires.model_copy(
            update={
                "required": both.required,
                "reason": both.reason,
                "who": both.who,
                "not_requester": both.not_requester,
                "seats": both.seats,
                "on_no": both.on_no,
                "on_expiry": both.on_expiry,
                "rule": both.rule,
                "expires_after": both.expires or expires.expires_after,
            }
        )
    ).approval


def _ruling(rule: ApprovalRule) -> Ruling:
    """What a plan says of a step, as the policy would say it."""
    return Ruling(
        Outcome.REQUIRE if rule.required else Outcome.AUTO,
        rule.rule,
        rule.reason,
        rule.required,
        rule.who,
        not_requester=rule.not_requester and bool(rule.required),
        seats=rule.seats,
        on_no=rule.on_no,
        expires=rule.expires_after if rule.required else None,
        on_expiry=rule.on_expiry,
    )


def changes(step: Step) -> bool:
    return step.effect is not Effect.READ_ONLY


def _ticket(session: Session, around: Circumstances) -> TicketFacts:
    alert = session.alert
    if alert is None:
        return TicketFacts(name="", source="", title=session.ticket_title)
    return TicketFacts(
        name=alert.name,
        source=alert.source,
        title=alert.title,
        severity=session.severity,
        labels=alert.labels,
        resource=alert.resource,
        count=around.count,
        # What comes and goes gets no plan.
        flapping=False,
    )


def _target(step: Step, targets: Mapping[str, Target]) -> TargetFacts:
    target = targets.get(step.target)
    if target is None:
        return TargetFacts(step.target)
    return TargetFacts(step.target, target.connector, target.labels, target.environment)


def _history(around: Circumstances) -> HistoryFacts:
    record = around.record
    if record is None:
        return HistoryFacts(on_target_last_hour=around.begun_here, runbook_last_hour=0)
    return HistoryFacts(
        runs=record.runs,
        verified=record.verified,
        failed=record.failed,
        failed_in_a_row=record.failed_in_a_row,
        on_target_last_hour=around.begun_here,
        # Plans were counted when they were made; this one is among them.
        runbook_last_hour=0,
    )
