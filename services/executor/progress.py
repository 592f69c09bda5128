"""What happens next in a session: pure decisions over (session, what happened).

Every function returns a ``Move``: the changed session, the events that tell of the change, and the
steps that the asking executor has claimed with it and now has to run. A claim is stored before
anything is run; so a session that is under way always has an owner to be missed.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

import cel

from services.executor.graph import (
    Turn,
    beyond_failure,
    not_rolled_back,
    outcome,
    spoiling,
    turn,
    unwanted,
)
from services.executor.moves import Move, Result, ask, claim, end, finish, skip
from services.executor.session import Run, Session
from shared.events import Refusal, SessionOutcome, SessionStarted, Step
from shared.lifecycle import SESSION_ENDED, STEP_ENDED, Effect, Risk, SessionState, StepState
from shared.runbook.late import UnrenderedError, expanded, items, written

#: A repeatable step whose run was lost is run again, but not for ever.
RECOVERIES: Final = 3


def begin(session: Session, owner: str, now: datetime, *, source_resolved: bool) -> Move | None:
    """Take a planned session on; None when somebody has."""
    if session.state is not SessionState.PLANNED:
        return None
    gone = session.source_resolved or source_resolved
    session = session.model_copy(update={"source_resolved": gone})
    move = Move(session, owner, now)
    if not gone:
        move.tell(SessionStarted, runbook=session.runbook.name)
    return _advanced(move)


def approved(session: Session, step_id: str, owner: str, now: datetime) -> Move | None:
    """Let an approved step run; None when it does not wait for that."""
    if session.run(step_id).state is not StepState.AWAITING_APPROVAL:
        return None
    move = Move(session, owner, now)
    step = session.step(step_id)
    move.put(step, session.run(step_id).becomes(StepState.READY))
    return _advanced(move)


def refused(
    session: Session, step_id: str, owner: str, now: datetime, *, refusal: Refusal, reason: str
) -> Move | None:
    """Give a step up that nobody said yes to; None when it does not wait for that."""
    run = session.run(step_id)
    if run.state is not StepState.AWAITING_APPROVAL:
        return None
    move = Move(session, owner, now)
    state = StepState.EXPIRED if refusal is Refusal.EXPIRED else StepState.REJECTED
    move.put(session.step(step_id), run.becomes(state, ended_at=now, reason=reason))
    return _advanced(move)


def ended(
    session: Session, step_id: str, owner: str, now: datetime, *, fence: int, result: Result
) -> Move | None:
    """Note how an attempt ended; None when another executor has taken the step over."""
    run = session.run(step_id)
    if (run.state, run.owner, run.fence) != (StepState.RUNNING, owner, fence):
        return None
    move = Move(session, owner, now)
    step = session.step(step_id)
    if result.lost:
        _after_loss(move, step, run, result)
    elif not result.succeeded and run.attempt < step.retry.attempts:
        pause = step.retry.backoff * 2 ** (run.attempt - 1)
        claim(move, step, run, pause=pause)
    else:
        state = StepState.SUCCEEDED if result.succeeded else StepState.FAILED
        end(move, step, run, state, result)
    return _advanced(move)


def adopted(session: Session, alive: frozenset[str], owner: str, now: datetime) -> Move | None:
    """Take over the steps whose executors are gone; None when there are none.

    The attempt stays the same, so that the new owner attaches to what the old one started.
    """
    move = Move(session, owner, now)
    for step in session.steps:
        run = session.run(step.id)
        if run.state is StepState.RUNNING and run.owner not in alive:
            move.put(step, run.becomes(StepState.RUNNING, owner=owner, fence=run.fence + 1))
            move.claimed.append(step.id)
    return move if move.claimed else None


def source_said(session: Session, owner: str, now: datetime, *, resolved: bool) -> Move | None:
    """Note that the alert's source says the problem is gone, or is back.

    Before anything that matters ran, that cancels the session. None when it changes nothing.
    """
    if session.state in SESSION_ENDED or session.source_resolved == resolved:
        return None
    move = Move(session.model_copy(update={"source_resolved": resolved}), owner, now)
    # A plan that nobody has begun is looked at when it is.
    return move if session.state is SessionState.PLANNED else _advanced(move)


def _advanced(move: Move) -> Move:
    if _may_cancel(move.session):
        return _cancelled(move)
    while _went_round(move):
        continue
    return _settled(move)


def _may_cancel(session: Session) -> bool:
    """Whether the source's "resolved" came while the steps that matter are still to be run."""
    if not session.source_resolved:
        return False
    runs = [(step, session.run(step.id)) for step in session.steps]
    return any(run.state not in STEP_ENDED for _, run in runs) and all(
        run.state is not StepState.RUNNING and (run.attempt == 0 or step.risk is Risk.LOW)
        for step, run in runs
    )


def _cancelled(move: Move) -> Move:
    reason = "the source said that the problem is gone before anything was changed"
    for step in move.session.steps:
        run = move.session.run(step.id)
        if run.state not in STEP_ENDED:
            move.put(step, run.becomes(StepState.SKIPPED, ended_at=move.now, reason=reason))
    finish(move, SessionState.CANCELLED, SessionOutcome.CANCELLED, reason)
    return move


def _went_round(move: Move) -> bool:
    """Move every step on that can be; whether that changed anything."""
    changed = False
    for step in move.session.steps:
        run = move.session.run(step.id)
        if run.state is not StepState.RUNNING and run.state not in STEP_ENDED:
            changed |= _considered(move, step, run)
    return changed


def _considered(move: Move, step: Step, run: Run) -> bool:
    """Move one step on that has not begun or stands for others; whether that changed anything."""
    if unwanted(move.session, step):
        reason = "another step came first, and nobody waits for this one"
        skip(move, step, run, reason, blocked=False, unwanted=True)
        return True
    match run.state:
        case StepState.READY:
            claim(move, step, run)
            return True
        case StepState.PENDING:
            return _closed(move, step, run) if run.opened else _begun(move, step, run)
    return False


def _begun(move: Move, step: Step, run: Run) -> bool:
    """Begin a step whose turn it is, or skip one whose turn never comes."""
    whose = turn(move.session, step)
    if whose.turn is Turn.NOT_YET:
        return False
    if whose.turn is Turn.NEVER:
        skip(move, step, run, whose.reason, blocked=whose.blocked)
    else:
        _unless_condition(move, step, run)
    return True


def _unless_condition(move: Move, step: Step, run: Run) -> None:
    """Run a step whose turn it is, ask for it, or leave it out, as its condition and rule say."""
    try:
        holds = step.when is None or cel.evaluate(step.when, dict(move.session.facts()))
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = f"its condition cannot be evaluated: {step.when}: {error}"
        end(move, step, run, StepState.FAILED, Result(reason=reason))
        return
    if not holds:
        skip(move, step, run, f"its condition is false: {step.when}", blocked=False)
        return
    try:
        step = _written(move, step)
    except UnrenderedError as error:
        end(move, step, run, StepState.FAILED, Result(reason=str(error)))
        return
    if step.is_group:
        move.put(step, run.model_copy(update={"opened": True, "started_at": move.now}))
    elif step.approval.required:
        ask(move, step, run)
    else:
        claim(move, step, run)


def _written(move: Move, step: Step) -> Step:
    """The step with the texts that waited for this moment, and those of its items behind it.

    Raises:
        UnrenderedError: what they need was not found, or cannot be put there.
    """
    if step.late is None:
        return step
    found = move.session.found()
    if step.foreach is None:
        step = written(step, found)
        move.write(step)
    else:
        parts = expanded(step, items(step, found), found)
        step = step.model_copy(update={"late": None})
        move.write(step, *parts)
    return step


def _closed(move: Move, step: Step, run: Run) -> bool:
    """End a step that stands for others, when they have ended."""
    ended_as = outcome(move.session, step)
    if ended_as is None:
        return False
    state, reason = ended_as
    gathered = _gathered(move.session, step) if step.foreach is not None else Result()
    run = run.model_copy(update={"blocked": beyond_failure(move.session, step)})
    end(move, step, run, state, replace(gathered, reason=reason))
    return True


def _gathered(session: Session, step: Step) -> Result:
    """What its items came to: the first exit code that is not 0, and each output as a list."""
    runs = [session.run(part.id) for part in session.parts(step.id)]
    codes = [run.exit_code for run in runs if run.exit_code is not None]
    outputs = {
        name: [run.outputs[name] for run in runs if name in run.outputs] for name in step.outputs
    }
    return Result(exit_code=next((code for code in codes if code), 0), outputs=outputs)


def _after_loss(move: Move, step: Step, run: Run, result: Result) -> None:
    """Go on after a run that was started and left no exit code, by what a second one would do."""
    if step.effect is Effect.ONCE or run.recoveries >= RECOVERIES:
        end(move, step, run, StepState.UNKNOWN, result)
        return
    again = run.model_copy(update={"recoveries": run.recoveries + 1})
    claim(move, step, again)


def _settled(move: Move) -> Move:
    """The session's own state, from those of its steps."""
    session = move.session
    states = {session.run(step.id).state for step in session.steps}
    if StepState.RUNNING in states:
        move.session = session.becomes(SessionState.RUNNING)
    elif StepState.AWAITING_APPROVAL in states:
        move.session = session.becomes(SessionState.WAITING)
    else:
        bad = next(spoiling(session), None)
        if bad is None:
            finish(move, SessionState.SUCCEEDED, SessionOutcome.SUCCEEDED, "every step is done")
        else:
            finish(move, SessionState.FAILED, SessionOutcome.FAILED, _why_failed(session, bad))
    return move


def _why_failed(session: Session, bad: Step) -> str:
    run = session.run(bad.id)
    reason = f"{bad.id} {run.state}" + (f": {run.reason}" if run.reason else "")
    left = not_rolled_back(session)
    return f"{reason}; it was not rolled back automatically: {', '.join(left)}" if left else reason
