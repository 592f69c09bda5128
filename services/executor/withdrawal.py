"""A yes that is taken back before its step begins."""

from datetime import datetime

from services.executor.advance import advanced
from services.executor.moves import Move
from services.executor.session import Session
from shared.events import StepApprovalWithdrawn, StepApproved
from shared.lifecycle import StepState


def is_taken_back(session: Session, said: StepApproved | StepApprovalWithdrawn) -> bool:
    """Whether the yes to that request was taken back already; nothing about it counts any more."""
    return session.run(said.step_id).taken_back == said.approval_id


def withdrawn(
    session: Session, said: StepApprovalWithdrawn, owner: str, now: datetime, *, why: str
) -> Move | None:
    """Have people asked anew about a step that has not begun; None when that is too late.

    Also where the yes itself has not been heard yet: then it comes too late.
    """
    run = session.run(said.step_id)
    if run.question_id is not None:
        return None
    if run.state is StepState.AWAITING_APPROVAL:
        run = run.becomes(StepState.READY)
    if run.state is not StepState.READY:
        return None
    move = Move(session, owner, now)
    back = {"agreed": 0, "again": why, "taken_back": said.approval_id, "held": "", "held_on": ""}
    move.put(session.step(said.step_id), run.model_copy(update=back))
    return advanced(move)
