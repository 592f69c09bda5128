"""What the policy makes of a plan: approvals for its steps, or why nothing is run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.calls.families import FAMILIES
from shared.config import Target
from shared.events import (
    ApprovalRule,
    PlanReady,
    RunbookRef,
    Step,
    TicketEscalated,
    TicketTriaged,
)
from shared.lifecycle import Effect, Risk
from shared.policy.engine import DEFAULTS, decide
from shared.policy.facts import (
    Facts,
    HistoryFacts,
    RunbookFacts,
    StepFacts,
    TargetFacts,
    TicketFacts,
)
from shared.policy.policy import Policy
from shared.policy.records.record import LastHour, Record
from shared.policy.ruling import Ruling
from shared.policy.stop import Stop
from shared.policy.terms import Author, Mode, Outcome, strictest
from shared.runbook import Library


@dataclass(frozen=True)
class Circumstances:
    """What a policy asks about beside the plan itself; None is what is not known."""

    now: datetime
    stopped: Stop | None = None
    count: int | None = None
    record: Record | None = None
    last_hour: LastHour | None = None


@dataclass(frozen=True)
class Bench:
    """What plans are judged with: runbooks and targets with their labels, and the usual expiry."""

    library: Library
    targets: Mapping[str, Target]
    approval_expires: timedelta

    def rulings(
        self, ticket: TicketTriaged, plan: PlanReady, policy: Policy, around: Circumstances
    ) -> tuple[Ruling, ...]:
        """What the policy says of each step, those before it taken as done."""
        return tuple(decide(policy, facts) for facts in self._facts(ticket, plan, around))

    def judged(
        self, ticket: TicketTriaged, plan: PlanReady, policy: Policy, around: Circumstances
    ) -> PlanReady | TicketEscalated:
        """The plan with its approvals, or an escalation where it may not be run."""
        return self.concluded(ticket, plan, self.rulings(ticket, plan, policy, around))

    def concluded(
        self, ticket: TicketTriaged, plan: PlanReady, rulings: tuple[Ruling, ...]
    ) -> PlanReady | TicketEscalated:
        """What the rulings on a plan's steps make of it; see ``judged``."""
        ruled = list(zip(plan.steps, rulings, strict=True))
        denied = [(step, one) for step, one in ruled if one.outcome is Outcome.DENY]
        if denied:
            return _denied(ticket, plan, denied)
        also = {"co_requesters": ticket.alert.co_requesters}
        steps = tuple(
            step.under(self.approval(ruling).model_copy(update=also)) for step, ruling in ruled
        )
        allowed = plan.model_copy(update={"steps": steps})
        mode = strictest(*(ruling.mode for ruling in rulings))
        return allowed if mode is Mode.ACT else _only_told(ticket, allowed, mode)

    def approval(self, ruling: Ruling) -> ApprovalRule:
        """A ruling as a plan has it."""
        return ApprovalRule(
            required=ruling.required,
            expires_after=ruling.expires or self.approval_expires,
            reason=ruling.reason,
            who=ruling.who,
            not_requester=ruling.not_requester,
            seats=ruling.seats,
            on_no=ruling.on_no,
            on_expiry=ruling.on_expiry,
            rule=ruling.rule,
        )

    def _facts(
        self, ticket: TicketTriaged, plan: PlanReady, around: Circumstances
    ) -> Iterator[Facts]:
        found = self.library.get(plan.runbook.name)
        runbook = RunbookFacts(
            name=plan.runbook.name,
            version=plan.runbook.version,
            labels=found.content.metadata.labels if found else {},
            proposed_by=Author.PERSON if found else None,
            found_by=plan.found_by,
        )
        here: dict[str, int] = {}
        for step in plan.steps:
            yield Facts(
                ticket=_ticket(ticket, around),
                runbook=runbook,
                step=_step(step),
                target=self._target(step),
                history=_history(plan.runbook, step.target, around, here.get(step.target, 0)),
                now=around.now,
                stopped=str(around.stopped) if around.stopped else None,
            )
            if step.effect is not Effect.READ_ONLY:
                here[step.target] = here.get(step.target, 0) + 1

    def _target(self, step: Step) -> TargetFacts:
        target = self.targets.get(step.target)
        if target is None:
            return TargetFacts(step.target)
        return TargetFacts(step.target, target.connector, target.labels, target.environment)


def by_risk(risk: Risk) -> ApprovalRule:
    """The approval of a step that no policy has judged yet."""
    required, reason = DEFAULTS[risk]
    return ApprovalRule(required=required, reason=reason, rule="default")


def _ticket(ticket: TicketTriaged, around: Circumstances) -> TicketFacts:
    alert = ticket.alert
    return TicketFacts(
        name=alert.name,
        source=alert.source,
        title=alert.title,
        severity=ticket.severity,
        labels=alert.labels,
        resource=alert.resource,
        count=around.count,
        flapping=ticket.flapping,
    )


def _step(step: Step) -> StepFacts:
    return StepFacts(
        id=step.id,
        uses=step.uses,
        risk=step.risk,
        effect=step.effect,
        command=step.run,
        others=tuple(other for other in (step.check, step.rollback) if other),
        action=step.run.partition("\n")[0] if step.uses in FAMILIES else None,
    )


def _history(runbook: RunbookRef, target: str, around: Circumstances, here: int) -> HistoryFacts:
    """``here`` are the changing steps on the target that this plan has before this one."""
    hour, record = around.last_hour, around.record
    recent = (
        {}
        if hour is None
        else {
            "on_target_last_hour": hour.on_target.get(target, 0) + here,
            "runbook_last_hour": hour.of_runbook.get(runbook.name, 0),
        }
    )
    if record is None:
        return HistoryFacts(**recent)
    return HistoryFacts(
        runs=record.runs,
        verified=record.verified,
        failed=record.failed,
        failed_in_a_row=record.failed_in_a_row,
        **recent,
    )


def _denied(
    ticket: TicketTriaged, plan: PlanReady, denied: list[tuple[Step, Ruling]]
) -> TicketEscalated:
    step, first = denied[0]
    more = f" (and {len(denied) - 1} more)" if len(denied) > 1 else ""
    return TicketEscalated.following(
        ticket,
        title=ticket.alert.title,
        reason=f"the policy denies step {step.id} of {plan.runbook.name}: {first.reason}{more}",
        tried=tuple(
            f"{plan.runbook.name}: step {step.id} was not run, by {ruling.rule}: {ruling.reason}"
            for step, ruling in denied
        ),
    )


def _only_told(ticket: TicketTriaged, plan: PlanReady, mode: Mode) -> TicketEscalated:
    name = plan.runbook.name
    if mode is Mode.OBSERVE:
        reason = f"the policy lets Handrail only observe here: {name} applies, and nothing was run"
        return TicketEscalated.following(ticket, title=ticket.alert.title, reason=reason)
    return TicketEscalated.following(
        ticket,
        title=ticket.alert.title,
        reason=f"the policy lets Handrail only suggest {name} here: nothing was run",
        suggested=tuple(map(_line, plan.steps)),
    )


def _line(step: Step) -> str:
    return f"{step.id} on {step.target} ({step.uses}, {step.risk} risk): {step.run.strip()}"
