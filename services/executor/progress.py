"""What happens next in a session: pure decisions over (session, what happened).

Every function returns a ``Move``: the changed session and the events that tell of the change. The
steps whose turn has come are ``due`` in it, and ``advance.admit`` is told of each whether it may
begin; ``advance.settle`` comes last. A claim is stored before anything is run; so a session that is
under way always has an owner to be missed.
"""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.executor import inquiry
from services.executor.advance import advanced
from services.executor.moves import Move, Result, due, end
from services.executor.session import Ending, Run, Session
from shared.events import (
    Fate,
    QuestionAnswered,
    Refusal,
    Reply,
    SessionStarted,
    Step,
    StepDone,
    StepOutcome,
)
from shared.lifecycle import SESSION_ENDED, Effect, SessionState, StepState

#: A repeatable step whose run was lost is run again, but not for ever.
RECOVERIES: Final = 3

#: Pauses differ by so much, so that those who failed together do not come again together.
JITTER: Final = 0.25


def begin(session: Session, owner: str, now: datetime, *, source_resolved: bool) -> Move | None:
    """Take a planned session on; None when somebody has."""
    if session.state is not SessionState.PLANNED:
        return None
    gone = session.source_resolved or source_resolved
    session = session.model_copy(update={"source_resolved": gone, "begun_at": now})
    move = Move(session, owner, now)
    if not gone:
        move.tell(SessionStarted, runbook=session.runbook.name)
    return advanced(move)


def approved(
    session: Session, step_id: str, owner: str, now: datetime, *, people: int = 1
) -> Move | None:
    """Let a step run that so many people agreed to; None when it does not wait for that."""
    run = session.run(step_id)
    if run.state is not StepState.AWAITING_APPROVAL or run.question_id is not None:
        return None
    move = Move(session, owner, now)
    step = session.step(step_id)
    move.put(step, run.becomes(StepState.READY, agreed=people))
    return advanced(move)


def refused(
    session: Session, step_id: str, owner: str, now: datetime, *, refusal: Refusal, reason: str
) -> Move | None:
    """Give a step up that nobody said yes to; None when it does not wait for that."""
    run = session.run(step_id)
    if run.state is not StepState.AWAITING_APPROVAL:
        return None
    move = Move(session, owner, now)
    _given_up(move, session.step(step_id), refusal, reason)
    return advanced(move)


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
    elif run.stop and not result.succeeded:
        stopped = replace(result, reason=f"it was ended: {run.stop}")
        end(move, step, run, StepState.FAILED, stopped)
    elif not result.succeeded and run.attempt < step.retry.attempts:
        due(move, step, run, pause=_pause(session, step, run))
    else:
        state = StepState.SUCCEEDED if result.succeeded else StepState.FAILED
        end(move, step, run, state, result)
    if step.undoes and result.succeeded:
        _taken_back(move, move.session.step(step.undoes))
    return advanced(move)


def answered(
    session: Session, said: QuestionAnswered, owner: str, now: datetime, *, reason: str = ""
) -> Move | None:
    """Go on with what people answered; None when the step does not wait for that.

    ``reason`` is why nobody answered, where that is so.

    Raises:
        UnfitReplyError: the answer is not what was asked for; the step goes on waiting.
    """
    run = session.run(said.step_id)
    if run.question_id != said.question_id:
        return None
    move = Move(session, owner, now)
    step = session.step(said.step_id)
    if said.reply is None or said.reply.refused:
        _given_up(move, step, said.refusal or Refusal.EXPIRED, reason)
    elif run.state is StepState.UNKNOWN:
        _fate(move, step, run, said.reply)
    else:
        outputs = inquiry.filled(step, said.reply)
        result = Result(exit_code=0, reason=f"answered by {said.reply.by}", outputs=outputs)
        end(move, step, run, StepState.SUCCEEDED, result)
    return advanced(move)


def adopted(
    session: Session,
    alive: frozenset[str],
    owner: str,
    now: datetime,
    *,
    at_work: Collection[str] | None = None,
) -> Move | None:
    """Take over the steps whose executors are gone; None when there are none.

    The attempt stays the same, so that the new owner attaches to what the old one started. Where
    ``at_work`` is given, the owner's own steps that are not among those are taken over as well.
    """
    move = Move(session, owner, now)
    for step in session.steps:
        run = session.run(step.id)
        forgotten = at_work is not None and run.owner == owner and step.id not in at_work
        if run.state is StepState.RUNNING and (run.owner not in alive or forgotten):
            taken = run.becomes(StepState.RUNNING, owner=owner, fence=run.fence + 1)
            move.put(step, taken)
            move.claimed.append(step.id)
            if taken.stop:
                move.stopped.append(step.id)
    return move if move.claimed else None


def looked_again(session: Session, owner: str, now: datetime) -> Move | None:
    """Go on with a session that waits for something outside of it; None when it has ended."""
    if session.state in SESSION_ENDED or session.state is SessionState.PLANNED:
        return None
    return advanced(Move(session, owner, now))


def source_said(session: Session, owner: str, now: datetime, *, resolved: bool) -> Move | None:
    """Note that the alert's source says the problem is gone, or is back.

    Before anything that matters ran, that cancels the session. None when it changes nothing.
    """
    if session.state in SESSION_ENDED or session.source_resolved == resolved:
        return None
    move = Move(session.model_copy(update={"source_resolved": resolved}), owner, now)
    # A plan that nobody has begun is looked at when it is.
    return move if session.state is SessionState.PLANNED else advanced(move)


def paused(session: Session, owner: str, now: datetime, *, why: str) -> Move | None:
    """Begin nothing more, or go on where ``why`` is empty; None when that is so already."""
    if session.state in SESSION_ENDED or session.paused == why:
        return None
    move = Move(session.model_copy(update={"paused": why}), owner, now)
    return move if session.state is SessionState.PLANNED else advanced(move)


def wound_down(session: Session, owner: str, now: datetime, ending: Ending) -> Move | None:
    """End a session before its steps are: what waits is left out, what runs is ended.

    None when it has ended or is being ended.
    """
    if session.state in SESSION_ENDED or session.ending is not None:
        return None
    return advanced(Move(session.model_copy(update={"ending": ending, "paused": ""}), owner, now))


def _given_up(move: Move, step: Step, refusal: Refusal, reason: str) -> None:
    """Go on without what nobody agreed to or answered."""
    run = move.session.run(step.id)
    if run.state is StepState.UNKNOWN:
        told = f"{run.reason}; {reason}" if reason else run.reason
        move.put(step, run.model_copy(update={"question_id": None, "reason": told}))
        return
    state = StepState.EXPIRED if refusal is Refusal.EXPIRED else StepState.REJECTED
    gone = run.becomes(state, ended_at=move.now, reason=reason, question_id=None)
    move.put(step, gone)


def _fate(move: Move, step: Step, run: Run, reply: Reply) -> None:
    """Go on as somebody found that a lost command went."""
    by = reply.by
    match inquiry.fate_of(reply):
        case Fate.RAN:
            result = Result(exit_code=0, reason=f"{by} says that it ran and did its work")
            end(move, step, run, StepState.SUCCEEDED, result, key="/answered")
            if step.undoes:
                _taken_back(move, move.session.step(step.undoes))
        case Fate.DID_NOT_RUN:
            result = Result(reason=f"{by} says that it did not run, or did not do its work")
            end(move, step, run, StepState.FAILED, result, key="/answered")
        case Fate.AGAIN:
            asked = run.model_copy(update={"question_id": None})
            if not inquiry.alone_agrees(move.session, step, reply):
                anew = {"agreed": 0, "again": f"{by} wants it run again"}
                asked = asked.model_copy(update=anew)
            due(move, step, asked)


def _after_loss(move: Move, step: Step, run: Run, result: Result) -> None:
    """Go on after a run that was started and left no exit code, by what a second one would do."""
    again = step.effect is not Effect.ONCE and run.recoveries < RECOVERIES and not run.stop
    if again:
        due(move, step, run.model_copy(update={"recoveries": run.recoveries + 1}))
        return
    end(move, step, run, StepState.UNKNOWN, result)
    if not run.stop:
        inquiry.ask_fate(move, step)


def _taken_back(move: Move, step: Step) -> None:
    """Note that what a step did is taken back."""
    run = move.session.run(step.id)
    if run.state is StepState.SUCCEEDED:
        move.put(step, run.becomes(StepState.ROLLED_BACK))
    move.tell(
        StepDone,
        f"{step.id}/{run.attempt}/rolled-back",
        step_id=step.id,
        attempt=run.attempt,
        outcome=StepOutcome.ROLLED_BACK,
        reason=f"taken back: {move.session.rolling_back}",
    )


def _pause(session: Session, step: Step, run: Run) -> timedelta:
    """How long to wait before the next attempt: it doubles."""
    spread = hashlib.sha256(session.job_key(step).encode()).digest()[0] / 255
    factor: float = 2 ** (run.attempt - 1) * (1 + JITTER * (2 * spread - 1))
    return step.retry.backoff * factor
