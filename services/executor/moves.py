"""The single changes that a session's progress is made of, each with the event that tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.executor.session import Run, Session, tail
from shared.events import (
    Event,
    SessionFinished,
    SessionOutcome,
    Step,
    StepAwaitingApproval,
    StepDone,
    StepOutcome,
    StepStarted,
)
from shared.lifecycle import SessionState, StepState


@dataclass(frozen=True)
class Result:
    """How one attempt at a step ended; ``lost`` when that could not be found out."""

    exit_code: int | None = None
    output: str = ""
    reason: str = ""
    reattached: bool = False
    lost: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0 and not self.lost


@dataclass
class Move:
    """A change of a session that is being made; ``rewritten`` when its steps are not as planned."""

    session: Session
    owner: str
    now: datetime
    events: list[Event] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    rewritten: bool = False

    def write(self, *steps: Step) -> None:
        """Put a step in its place as it is now, and those that it stands for behind it."""
        self.session = self.session.with_step(*steps)
        self.rewritten = True

    def put(self, step: Step, run: Run) -> None:
        self.session = self.session.with_run(step.id, run)

    def tell(self, kind: type[Event], key: str = "", **data: object) -> None:
        session = self.session
        self.events.append(
            kind.about(
                session.id,
                key=key,
                # One after the other, also for those who sort by time.
                time=self.now + timedelta(milliseconds=len(self.events)),
                ticket_id=session.ticket_id,
                session_id=session.id,
                **data,
            ),
        )


def skip(
    move: Move, step: Step, run: Run, reason: str, *, blocked: bool, unwanted: bool = False
) -> None:
    skipped = run.becomes(
        StepState.SKIPPED, ended_at=move.now, reason=reason, blocked=blocked, unwanted=unwanted
    )
    move.put(step, skipped)
    move.tell(
        StepDone,
        f"{step.id}/skipped",
        step_id=step.id,
        attempt=run.attempt,
        outcome=StepOutcome.SKIPPED,
        reason=reason,
    )


def ask(move: Move, step: Step, run: Run) -> None:
    session = move.session
    approval_id = session.approval_id(step)
    move.put(step, run.becomes(StepState.AWAITING_APPROVAL, approval_id=approval_id))
    move.tell(
        StepAwaitingApproval,
        str(approval_id),
        step_id=step.id,
        approval_id=approval_id,
        step_hash=step.digest(session.id),
        ticket_title=session.ticket_title,
        severity=session.severity,
        runbook=session.runbook.name,
        title=step.title,
        connector=step.uses,
        target=step.target,
        command=step.run,
        risk=step.risk,
        why=step.why,
        evidence=_evidence(session),
        rollback=step.rollback,
        expects=step.expects,
        required=step.approval.required,
        who=step.approval.who,
        expires_at=move.now + step.approval.expires_after,
    )


def _evidence(session: Session) -> tuple[str, ...]:
    """What is known so far: why there is a plan, and what its earlier steps found."""
    found = (
        f"{step.id} ({step.run}): exit code {run.exit_code}\n{run.output}".strip()
        for step in session.steps
        if (run := session.run(step.id)).exit_code is not None and not step.is_group
    )
    return (*session.reasons, *found)


def claim(move: Move, step: Step, run: Run, *, pause: timedelta = timedelta(0)) -> None:
    claimed = run.becomes(
        StepState.RUNNING,
        attempt=run.attempt + 1,
        owner=move.owner,
        fence=run.fence + 1,
        not_before=move.now + pause if pause else None,
        started_at=move.now,
        exit_code=None,
        output="",
        outputs={},
        reason="",
    )
    move.put(step, claimed)
    move.claimed.append(step.id)
    move.tell(
        StepStarted,
        f"{step.id}/{claimed.attempt}",
        step_id=step.id,
        attempt=claimed.attempt,
        owner=move.owner,
        connector=step.uses,
        target=step.target,
        command=step.run,
    )


def end(move: Move, step: Step, run: Run, state: StepState, result: Result) -> None:
    ended_run = run.becomes(
        state,
        owner=None,
        ended_at=move.now,
        exit_code=result.exit_code,
        output=tail(result.output),
        outputs=dict(result.outputs),
        reason=result.reason,
        reattached=result.reattached,
    )
    move.put(step, ended_run)
    move.tell(
        StepDone,
        f"{step.id}/{run.attempt}",
        step_id=step.id,
        attempt=run.attempt,
        outcome=StepOutcome(state.value),
        exit_code=result.exit_code,
        output=tail(result.output),
        outputs=dict(result.outputs),
        reason=result.reason,
        reattached=result.reattached,
        started_at=run.started_at,
    )


def finish(move: Move, state: SessionState, outcome: SessionOutcome, reason: str) -> None:
    move.session = move.session.becomes(state)
    move.tell(
        SessionFinished,
        ticket_title=move.session.ticket_title,
        outcome=outcome,
        reason=reason,
        tried=move.session.tried(),
        verify=move.session.verify,
    )
