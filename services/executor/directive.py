"""What people want of a session: to pause it, go on, end it, or try it once more."""

from datetime import datetime
from typing import Final
from uuid import uuid5

from services.executor.moves import Move
from services.executor.progress import paused, wound_down
from services.executor.session import Ending, Run, Session
from shared.errors import PermanentError
from shared.events import Asks, Directive, SessionDirected, SessionOutcome, Step
from shared.lifecycle import SESSION_ENDED, SessionState, StepState

#: What was done is not done again; what was left out for a reason of its own stays so.
_DONE: Final = frozenset({StepState.SUCCEEDED, StepState.SKIPPED})


class NothingToRetryError(PermanentError):
    """The session cannot be tried again; says why."""


def directed(session: Session, said: SessionDirected, owner: str, now: datetime) -> Move | None:
    """Pause, resume or end a session; None where that changes nothing."""
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

    A redelivery makes the same one. People agree anew to all that it changes: what they agreed to
    was another session.

    Raises:
        NothingToRetryError: it has not ended, or succeeded, or an edited step is none of its own.
    """
    if session.state not in SESSION_ENDED or session.state is SessionState.SUCCEEDED:
        raise NothingToRetryError(f"session {session.id} is {session.state}: nothing to try again")
    edits = {edit.step_id: edit.run for edit in said.edits}
    planned = {step.id: step for step in session.steps if step.undoes is None}
    for step_id in edits:
        if step_id not in planned or _stands(session.run(step_id)):
            raise NothingToRetryError(f"{step_id} is no step that would run again")
    steps = {id_: _edited(planned[id_], run, said.by) for id_, run in edits.items()}
    return session.model_copy(
        update={
            "id": uuid5(session.id, f"retry/{said.id}"),
            "state": SessionState.PLANNED,
            "rev": 0,
            "reasons": (*session.reasons, f"tried again by {_who(said)}"),
            "steps": tuple(steps.get(id_, step) for id_, step in planned.items()),
            "runs": {id_: run for id_ in planned if _stands(run := session.run(id_))},
            "source_resolved": False,
            "paused": "",
            "ending": None,
            "rolling_back": "",
            "begun_at": None,
            "retry_of": session.id,
        }
    )


def _who(said: SessionDirected) -> str:
    return f"{said.by}: {said.reason}" if said.reason else said.by


def _edited(step: Step, run: str, by: str) -> Step:
    """The step with another command, which a person agrees to whatever the policy says."""
    least = max(1, step.asks.required if step.asks else 0)
    asks = Asks(required=least, reason=f"{by} wrote this command")
    edited = {"run": run, "asks": asks, "late": None, "artifact": None}
    return step.model_copy(update=edited).under(step.approval)


def _stands(run: Run) -> bool:
    """Whether it is not done again."""
    return run.state in _DONE and not run.blocked and not run.unwanted
