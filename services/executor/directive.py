"""What people want of a session: to pause it, go on, end it, or try it once more."""

from datetime import datetime
from typing import Final
from uuid import uuid5

from services.executor.moves import Move
from services.executor.progress import paused, wound_down
from services.executor.session import Ending, Session
from shared.errors import PermanentError
from shared.events import Asks, Directive, SessionDirected, SessionOutcome, Step
from shared.lifecycle import SESSION_ENDED, Effect, Risk, SessionState, StepState

#: What was done is not done again; what was left out for a reason of its own stays so.
_DONE: Final = frozenset({StepState.SUCCEEDED, StepState.SKIPPED})


class NothingToRetryError(PermanentError):
    """The session cannot be tried again; says why."""


def directed(session: Session, said: SessionDirected, owner: str, now: datetime) -> Move | None:
    """Pause, resume or end a session; None where it has ended, or was told otherwise since."""
    if session.state in SESSION_ENDED or said.directive is Directive.RETRY:
        return None
    last = max(said.at, session.directed_at or said.at)
    if said.at < last and said.directive is not Directive.CANCEL:
        # It comes late, or once more: what was said after it counts. An end counts for good.
        return None
    session = session.model_copy(update={"directed_at": last})
    # Also what changes nothing is noted: something older may come after it.
    return _heeded(session, said, owner, now) or Move(session, owner, now)


def _heeded(session: Session, said: SessionDirected, owner: str, now: datetime) -> Move | None:
    why = _who(said)
    match said.directive:
        case Directive.PAUSE:
            return paused(session, owner, now, why=why)
        case Directive.RESUME:
            return paused(session, owner, now, why="")
        case Directive.CANCEL:
            ending = Ending(
                reason=f"ended by {why}",
                outcome=SessionOutcome.CANCELLED,
                rollback=said.rollback,
            )
            return wound_down(session, owner, now, ending)
    return None


def retried(session: Session, said: SessionDirected) -> Session:
    """A new session that goes on where one ended, with the commands of some steps edited.

    There is one for each session, whoever asks and however often. People agree anew to all that it
    changes: what they agreed to was another session.

    Raises:
        NothingToRetryError: it has not ended, or succeeded, or an edited step is none of its own.
    """
    if session.state not in SESSION_ENDED or session.state is SessionState.SUCCEEDED:
        raise NothingToRetryError(f"session {session.id} is {session.state}: nothing to try again")
    edits = {edit.step_id: edit.run for edit in said.edits}
    planned = {step.id: step for step in session.steps if step.undoes is None}
    for step_id in edits:
        if step_id not in planned or _stands(session, step_id):
            raise NothingToRetryError(f"{step_id} is no step that would run again")
    steps = {id_: _edited(planned[id_], run, said.by) for id_, run in edits.items()}
    return session.model_copy(
        update={
            "id": uuid5(session.id, "retry"),
            "state": SessionState.PLANNED,
            "rev": 0,
            "reasons": (*session.reasons, f"tried again by {_who(said)}"),
            "steps": tuple(steps.get(id_, step) for id_, step in planned.items()),
            "runs": {id_: session.run(id_) for id_ in planned if _stands(session, id_)},
            "source_resolved": False,
            "paused": "",
            "ending": None,
            "rolling_back": "",
            "begun_at": None,
            "directed_at": None,
            "retry_of": session.id,
        }
    )


def _who(said: SessionDirected) -> str:
    return f"{said.by}: {said.reason}" if said.reason else said.by


def _edited(step: Step, run: str, by: str) -> Step:
    """The step with another command, which a person agrees to whatever the policy says.

    What its author said of the first one does not hold for it: it counts as a change that is not
    repeated on a guess, of high risk at least. Who wrote it counts as who asked for it.
    """
    least = max(1, step.asks.required if step.asks else 0)
    asks = Asks(required=least, reason=f"{by} wrote this command")
    edited = {
        "run": run,
        "asks": asks,
        "late": None,
        "artifact": None,
        "effect": Effect.ONCE,
        "check": None,
        "gather": False,
        "risk": max(step.risk, Risk.HIGH, key=lambda risk: risk.rank),
    }
    wrote = {"co_requesters": tuple(dict.fromkeys((*step.approval.co_requesters, by)))}
    return step.model_copy(update=edited).under(step.approval.model_copy(update=wrote))


def _stands(session: Session, step_id: str) -> bool:
    """Whether it is not done again."""
    run = session.run(step_id)
    if run.state is StepState.SKIPPED and session.leading_to(step_id):
        # It is for a failure that may come now.
        return False
    return run.state in _DONE and not run.blocked and not run.unwanted
