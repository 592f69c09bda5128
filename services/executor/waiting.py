"""What a session that has not ended waits for; one that waits for nothing is stuck."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.executor.session import Run, Session
from shared.events import Step
from shared.lifecycle import SESSION_ENDED, SessionState, StepState

#: What ending a command at its timeout, and hearing of it, may take.
GRACE: Final = timedelta(minutes=1)


class Kind(StrEnum):
    """What is waited for."""

    EXECUTOR = "executor"
    PERSON = "person"
    APPROVAL = "approval"
    ANSWER = "answer"
    ROOM = "room"
    RETRY = "retry"
    COMMAND = "command"
    NOTHING = "nothing"


class Wait(BaseModel):
    """One thing that a session waits for, in words; ``late`` when it should have come by now."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    text: str
    step_id: str = ""
    until: AwareDatetime | None = None
    late: bool = False
    question_id: UUID | None = Field(None, description="What people are asked, by its id.")

    @property
    def is_stuck(self) -> bool:
        return self.late or self.kind is Kind.NOTHING


def waits(
    session: Session, now: datetime, *, alive: Collection[str] | None = None
) -> tuple[Wait, ...]:
    """All that a session waits for, in the order of its steps; nothing once it has ended.

    ``alive`` are the executors that live, where that is known.
    """
    if session.state in SESSION_ENDED:
        return ()
    if session.state is SessionState.PLANNED:
        return (Wait(kind=Kind.EXECUTOR, text="an executor that takes it on"),)
    found = [*_pause(session)]
    for step in session.steps:
        found += _of_step(session, step, now, alive)
    return tuple(found) or (Wait(kind=Kind.NOTHING, text="nothing: it is stuck"),)


def stuck(session: Session, now: datetime) -> bool:
    """Whether nothing will move a session on."""
    return any(wait.kind is Kind.NOTHING for wait in waits(session, now))


def _pause(session: Session) -> Iterator[Wait]:
    if session.paused:
        yield Wait(kind=Kind.PERSON, text=f"somebody to resume it; paused by {session.paused}")


def _of_step(
    session: Session, step: Step, now: datetime, alive: Collection[str] | None
) -> Iterator[Wait]:
    run = session.run(step.id)
    if run.question_id is not None:
        yield _answer(step, run, run.question_id)
    elif run.state is StepState.AWAITING_APPROVAL:
        yield _approval(session, step, run, now)
    elif run.state is StepState.READY and run.held:
        yield Wait(kind=Kind.ROOM, step_id=step.id, text=f"room for {step.id}: {run.held}")
    elif run.state is StepState.RUNNING:
        yield _command(step, run, now, alive)


def _answer(step: Step, run: Run, question_id: UUID) -> Wait:
    about = "what became of it" if run.state is StepState.UNKNOWN else "the form that it is"
    told = f"an answer about {step.id}: {about}"
    return Wait(kind=Kind.ANSWER, step_id=step.id, text=told, question_id=question_id)


def _approval(session: Session, step: Step, run: Run, now: datetime) -> Wait:
    missing = max(1, step.approval.required - session.agreed(step))
    until = run.asked_at + step.approval.expires_after if run.asked_at else None
    who = "one person" if missing == 1 else f"{missing} people"
    by = f" until {_at(until)}" if until else ""
    late = until is not None and now > until + GRACE
    told = f"a yes of {who} to {step.id}{by}"
    if late:
        told += "; that is over, and nobody has said so"
    return Wait(
        kind=Kind.APPROVAL,
        step_id=step.id,
        text=told,
        until=until,
        late=late,
        question_id=run.approval_id,
    )


def _command(step: Step, run: Run, now: datetime, alive: Collection[str] | None) -> Wait:
    if run.not_before is not None and now < run.not_before:
        told = f"the next attempt at {step.id} at {_at(run.not_before)}"
        return Wait(kind=Kind.RETRY, step_id=step.id, text=told, until=run.not_before)
    told = f"{step.id}, which runs" + (f" on {step.target}" if step.target else "")
    began = max((at for at in (run.started_at, run.not_before) if at), default=None)
    until = began + step.timeout if began else None
    if began is not None:
        told += f" since {_at(began)}"
    told += f" by {run.owner}"
    if alive is not None and run.owner not in alive:
        told += ", which is gone: another executor takes it over"
    if run.stop:
        told += f"; it is being ended: {run.stop}"
    late = until is not None and now > until + GRACE
    if late:
        told += f"; its timeout of {step.timeout.total_seconds():g} s is over"
    return Wait(kind=Kind.COMMAND, step_id=step.id, text=told, until=until, late=late)


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
