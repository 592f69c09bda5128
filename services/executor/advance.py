"""Moving a session on: which steps are due, which are left out, and when it has ended."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import cel

from services.executor import inquiry, rollback
from services.executor.admission.verdict import Ask, Deny, Elsewhere, Go, Hold, Verdict
from services.executor.graph import Turn, beaten, beyond_failure, outcome, spoiling, turn, unwanted
from services.executor.moves import (
    Move,
    Result,
    allow,
    ask,
    claim,
    due,
    end,
    finish,
    hold,
    skip,
    stop,
)
from services.executor.session import Before, Ending, Run, Session
from shared.errors import PermanentError
from shared.events import SessionOutcome, Step
from shared.lifecycle import SESSION_ENDED, Risk, SessionState, StepState
from shared.runbook.late import UnrenderedError, expanded, items, written

_STATES: Final = {
    SessionOutcome.SUCCEEDED: SessionState.SUCCEEDED,
    SessionOutcome.FAILED: SessionState.FAILED,
    SessionOutcome.CANCELLED: SessionState.CANCELLED,
}
_GONE: Final = "the source said that the problem is gone before anything was changed"
_BEATEN: Final = "another step came first, and nobody waits for this one"


def advanced(move: Move) -> Move:
    """Move every step on that can be."""
    if _may_cancel(move.session):
        ending = Ending(reason=_GONE, outcome=SessionOutcome.CANCELLED)
        move.session = move.session.model_copy(update={"ending": ending})
    if move.session.ending is not None:
        _leave(move, move.session.ending)
    _take_back(move)
    while _went_round(move):
        _take_back(move)
    return move


def admit(move: Move, verdicts: Mapping[str, Verdict]) -> Move:
    """Let steps begin that were due, or not; more may be due after it."""
    for step_id, verdict in verdicts.items():
        step, run = move.session.step(step_id), move.session.run(step_id)
        if run.state is not StepState.READY:
            continue
        match verdict:
            case Go() if step.uses == inquiry.USES:
                _asked_for(move, step, run)
            case Go() as go:
                _let_in(move, step, run, go)
            case Hold(reason, on):
                hold(move, step, run, reason, on)
            case Deny(reason) if run.before is not None:
                _changed_back(move, run, run.before, reason)
            case Deny(reason):
                end(move, step, run, StepState.FAILED, Result(reason=reason))
            case Elsewhere(target):
                move.write(step.model_copy(update={"target": target}))
            case Ask() as wanted:
                _asks(move, step, run, wanted)
    return advanced(move)


def _changed_back(move: Move, run: Run, before: Before, reason: str) -> None:
    """Have people asked about a step as it was, since what somebody wanted of it is not allowed."""
    change = run.change and run.change.model_copy(update={"refused": reason, "before": {}})
    move.write(before.step)
    back = {"change": change, "changed": before.changed, "before": None}
    move.put(before.step, run.model_copy(update=back))


def _asks(move: Move, step: Step, run: Run, wanted: Ask) -> None:
    step = step.model_copy(update={"approval": wanted.rule, "artifact": wanted.artifact})
    move.write(step)
    ask(
        move,
        step,
        run,
        dry_run=wanted.dry_run,
        given=wanted.given,
        changeable=wanted.changeable,
        declared=wanted.declared,
    )


def _let_in(move: Move, step: Step, run: Run, go: Go) -> None:
    if go.rule is not None:
        run = allow(move, step, run, go.given, go.rule)
    claim(move, step, run, allowed_by=tuple(said.told_by for said in go.given))


def settle(move: Move) -> Move:
    """The session's own state, from those of its steps."""
    session = move.session
    if session.state is SessionState.PLANNED and session.begun_at is None:
        # What was said of a plan that nobody has begun counts when somebody does.
        return move
    runs = [session.run(step.id) for step in session.steps]
    if all(run.over for run in runs):
        if session.state not in SESSION_ENDED:
            _finished(move)
    elif any(run.state is StepState.RUNNING for run in runs):
        move.session = session.becomes(SessionState.RUNNING)
    else:
        move.session = session.becomes(SessionState.WAITING)
    return move


def _may_cancel(session: Session) -> bool:
    """Whether the source's "resolved" came while the steps that matter are still to be run."""
    if not session.source_resolved or session.ending is not None:
        return False
    runs = [(step, session.run(step.id)) for step in session.steps]
    return any(not run.over for _, run in runs) and all(
        run.state is not StepState.RUNNING and (run.attempt == 0 or step.risk is Risk.LOW)
        for step, run in runs
    )


def _leave(move: Move, ending: Ending) -> None:
    """Leave out what has not begun, end what runs, and ask no more."""
    for step in move.session.steps:
        run = move.session.run(step.id)
        if step.undoes is not None or run.over or run.opened:
            continue
        if run.state is StepState.RUNNING:
            if not run.stop:
                stop(move, step, run, ending.reason)
        elif run.state is StepState.UNKNOWN:
            move.put(step, run.model_copy(update={"question_id": None}))
        else:
            left = run.model_copy(update={"question_id": None})
            skip(move, step, left, ending.reason, blocked=True)


def _take_back(move: Move) -> None:
    """Take back what was done, where that is wanted."""
    session = move.session
    if not session.rolling_back:
        why = "" if session.ending is not None else rollback.wanted(session)
        if session.ending is not None and session.ending.rollback:
            why = session.ending.reason
        if not why:
            return
        move.session = session.model_copy(update={"rolling_back": why})
    rollback.leave_the_rest(move)
    rollback.begin(move)


def _went_round(move: Move) -> bool:
    """Move every step on that can be; whether that changed anything."""
    changed = False
    for step in move.session.steps:
        run = move.session.run(step.id)
        if beaten(move.session, step):
            stop(move, step, run, _BEATEN, unwanted=True)
            changed = True
        elif run.state is not StepState.RUNNING and not run.over:
            changed |= _considered(move, step, run)
    return changed


def _considered(move: Move, step: Step, run: Run) -> bool:
    """Move one step on that has not begun or stands for others; whether that changed anything."""
    if unwanted(move.session, step):
        left = run.model_copy(update={"question_id": None})
        skip(move, step, left, _BEATEN, blocked=False, unwanted=True)
        return True
    if run.state is not StepState.PENDING:
        return False
    if run.opened:
        return _closed(move, step, run)
    return not move.session.paused and _begun(move, step, run)


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
    """Have a step begin whose turn it is, or leave it out, as its condition says."""
    try:
        holds = step.when is None or cel.evaluate(step.when, dict(move.session.facts()))
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
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
    else:
        due(move, step, run)


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


def _asked_for(move: Move, step: Step, run: Run) -> None:
    """Ask what a step wants to know of people."""
    try:
        inquiry.ask_form(move, step)
    except PermanentError as error:
        end(move, step, run, StepState.FAILED, Result(reason=str(error)))


def _closed(move: Move, step: Step, run: Run) -> bool:
    """End a step that stands for others, when they have ended."""
    ended_as = outcome(move.session, step)
    if ended_as is None:
        return False
    state, reason = ended_as
    of_items = step.foreach is not None and step.includes is None
    gathered = _gathered(move.session, step) if of_items else Result()
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


def _finished(move: Move) -> None:
    session = move.session
    bad = next(spoiling(session), None)
    ending = session.ending
    if ending is not None:
        what, reason = ending.outcome, ending.reason
    elif bad is None:
        what, reason = SessionOutcome.SUCCEEDED, "every step is done"
    else:
        run = session.run(bad.id)
        reason = f"{bad.id} {run.state}" + (f": {run.reason}" if run.reason else "")
        what = SessionOutcome.FAILED
    back = rollback.told(session)
    finish(move, _STATES[what], what, f"{reason}; {back}" if back else reason)
