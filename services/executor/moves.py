"""The single changes that a session's progress is made of, each with the event that tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from services.executor.admission.inadvance import may_be_allowed
from services.executor.session import Run, Session, tail
from shared.connectors.protocol import Usage
from shared.events import (
    ApprovalRule,
    Changeable,
    Decision,
    Event,
    QuestionAsked,
    SessionFinished,
    SessionOutcome,
    Step,
    StepApproved,
    StepAwaitingApproval,
    StepChange,
    StepDone,
    StepHeld,
    StepOutcome,
    StepStarted,
)
from shared.lifecycle import SessionState, StepState


@dataclass(frozen=True)
class Wrote:
    """What an attempt wrote, capped and masked, and what it took where that is known."""

    stdout: str
    stderr: str
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """Both streams, one after the other."""
        return "\n".join(part for part in (self.stdout.rstrip(), self.stderr.rstrip()) if part)


#: So many characters of what earlier steps wrote go with a question.
EVIDENCE_MOST: Final = 64_000


@dataclass(frozen=True)
class Result:
    """How one attempt at a step ended; ``lost`` when that could not be found out.

    ``trouble`` says that it was its target's fault: it was not reached, or did not answer.
    """

    exit_code: int | None = None
    output: str = ""
    reason: str = ""
    reattached: bool = False
    lost: bool = False
    trouble: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict)
    wrote: Wrote | None = None

    @property
    def succeeded(self) -> bool:
        return self.exit_code == 0 and not self.lost


@dataclass
class Move:
    """A change of a session that is being made.

    ``claimed`` are steps that the owner has to run now, ``stopped`` those that run and are to be
    ended, ``waiting`` those that may not begin yet. ``rewritten`` says that the steps are not as
    planned.
    """

    session: Session
    owner: str
    now: datetime
    events: list[Event] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    rewritten: bool = False

    @property
    def due(self) -> tuple[str, ...]:
        """The steps whose turn has come and of which nobody has said yet whether they may begin.

        While the session is paused only those of which people have to be asked once more.
        """
        session, paused = self.session, bool(self.session.paused)
        return tuple(
            step.id
            for step in session.steps
            if (run := session.run(step.id)).state is StepState.READY
            and step.id not in self.waiting
            and (not paused or run.has_to_be_asked)
        )

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


def joined(first: Move, then: Move) -> Move:
    """Two changes as one, where the second one was made of what the first one left."""
    last = first.events[-1].time if first.events else first.now
    later = [
        event.model_copy(update={"time": max(event.time, last + timedelta(milliseconds=number))})
        for number, event in enumerate(then.events, 1)
    ]
    return Move(
        then.session,
        then.owner,
        then.now,
        events=[*first.events, *later],
        claimed=[*first.claimed, *then.claimed],
        stopped=[*first.stopped, *then.stopped],
        waiting=first.waiting | then.waiting,
        rewritten=first.rewritten or then.rewritten,
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


def ask(
    move: Move,
    step: Step,
    run: Run,
    *,
    dry_run: str = "",
    given: tuple[Decision, ...] = (),
    changeable: Changeable | None = None,
    declared: str = "",
) -> None:
    waits = run.becomes(
        StepState.AWAITING_APPROVAL,
        asked=run.asked + 1,
        agreed=0,
        declared=declared,
        asked_at=move.now,
        before=None,
        again="",
    )
    move.put(step, waits)
    session = move.session
    approval_id = session.approval_id(step)
    move.put(step, waits.model_copy(update={"approval_id": approval_id}))
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
        evidence=(
            *_wanted(run.change),
            f"asked for because: {step.approval.reason}",
            *evidence(session),
        ),
        rollback=step.rollback,
        check=step.check,
        dry_run=dry_run,
        expects=step.expects,
        required=step.approval.required,
        who=step.approval.who,
        requester=session.requester,
        not_requester=step.approval.not_requester,
        co_requesters=step.approval.co_requesters,
        seats=step.approval.seats,
        on_no=step.approval.on_no,
        on_expiry=step.approval.on_expiry,
        again=again(run),
        alert=session.alert,
        runbook_labels=session.runbook.labels,
        runbook_seal=session.runbook.seal if may_be_allowed(session, step) else "",
        given=given,
        replaces=run.approval_id,
        change=run.change,
        changeable=changeable,
        expires_at=move.now + step.approval.expires_after,
    )


def again(run: Run) -> str:
    """Why people are asked once more; empty where they are asked for the first time."""
    if run.again or run.approval_id is None or run.change is not None:
        return run.again
    return "since it was agreed to, the step, its target or what the policy wants has changed"


def _wanted(change: StepChange | None) -> tuple[str, ...]:
    """What people wanted of the step, in a line, also for channels that show nothing else of it."""
    if change is None:
        return ()
    why = f" ({change.reason})" if change.reason else ""
    if change.refused:
        values = ", ".join(f"{each.name} {each.new}" for each in change.values)
        return (f"{change.by} wanted {values}{why}, which was refused: {change.refused}",)
    values = ", ".join(f"{each.name} from {each.old} to {each.new}" for each in change.values)
    return (f"{change.by} changed {values}{why}; before, it was: {change.before.get('run', '')}",)


def evidence(session: Session) -> tuple[str, ...]:
    """What is known so far: why there is a plan, and what its earlier steps found."""
    found = [
        f"{step.id} ({step.run}): exit code {run.exit_code}\n{run.output}".strip()
        for step in session.steps
        if (run := session.run(step.id)).exit_code is not None and not step.is_group
    ]
    # The last ones say most, and an event has a largest size.
    shown, room = len(found), EVIDENCE_MOST
    while shown and room >= len(found[shown - 1]):
        shown -= 1
        room -= len(found[shown])
    left_out = (f"{shown} steps before these are left out",) if shown else ()
    return (*session.reasons, *left_out, *found[shown:])


def due(move: Move, step: Step, run: Run, *, pause: timedelta = timedelta(0)) -> None:
    """It is this step's turn: it begins when it is let in, and not before the pause is over."""
    waits = run.becomes(StepState.READY, not_before=move.now + pause if pause else None)
    move.put(step, waits)


def hold(move: Move, step: Step, run: Run, reason: str, on: str) -> None:
    """Let a step wait that could begin; told once for each thing that it waits for."""
    move.waiting.add(step.id)
    if (run.held, run.held_on) == (reason, on):
        return
    move.put(step, run.model_copy(update={"held": reason, "held_on": on}))
    if run.held != reason:
        move.tell(StepHeld, f"{step.id}/{move.session.rev}", step_id=step.id, reason=reason)


def allow(move: Move, step: Step, run: Run, given: tuple[Decision, ...], rule: ApprovalRule) -> Run:
    """Take what people said in advance for their yes, and tell of it as of any other."""
    step = step.model_copy(update={"approval": rule})
    move.write(step)
    approval_id = move.session.approval_id(step)
    allowed = run.model_copy(update={"approval_id": approval_id, "agreed": len(given)})
    move.put(step, allowed)
    move.tell(
        StepApproved,
        f"{approval_id}/in-advance",
        step_id=step.id,
        approval_id=approval_id,
        step_hash=step.digest(move.session.id),
        decisions=given,
    )
    return allowed


def place_of(owner: str | None) -> str:
    """Where an executor is: the machine and its home, which other executors may share."""
    return (owner or "").rpartition("/")[0]


def claim(move: Move, step: Step, run: Run, *, allowed_by: tuple[str, ...] = ()) -> None:
    claimed = run.becomes(
        StepState.RUNNING,
        attempt=run.attempt + 1,
        owner=move.owner,
        fence=run.fence + 1,
        claimed=run.fence + 1,
        place=place_of(move.owner),
        started_at=move.now,
        exit_code=None,
        output="",
        outputs={},
        reason="",
        stop="",
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
        allowed_by=allowed_by,
    )


def stop(move: Move, step: Step, run: Run, reason: str, *, unwanted: bool = False) -> None:
    """Have what runs ended on its target; whoever runs it sees it end."""
    move.put(step, run.model_copy(update={"stop": reason, "unwanted": unwanted}))
    move.stopped.append(step.id)


def inquire(move: Move, step: Step, run: Run, question: QuestionAsked) -> None:
    """Wait for what people answer."""
    move.put(step, run.model_copy(update={"question_id": question.question_id}))
    move.events.append(question)


def end(
    move: Move, step: Step, run: Run, state: StepState, result: Result, *, key: str = ""
) -> None:
    """Note how a step ended; ``key`` tells a second end of one attempt from the first."""
    ended_run = run.becomes(
        state,
        owner=None,
        stop="",
        question_id=None,
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
        f"{step.id}/{run.attempt}{key}",
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
