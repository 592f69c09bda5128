"""How the steps of a session stand to each other: pure questions over what has ended so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from services.executor.session import Run, Session
from shared.events import Join, OnFailure, Step
from shared.lifecycle import STEP_ENDED, StepState

#: Not started: they can be left out without anything being left behind.
_WAITING = frozenset({StepState.PENDING, StepState.AWAITING_APPROVAL, StepState.READY})


class Turn(Enum):
    """What is to become of a step that waits for others."""

    NOT_YET = auto()
    NOW = auto()
    NEVER = auto()


@dataclass(frozen=True)
class Answer:
    """Whose turn it is, and why it never is; ``blocked`` when that is another step's failure."""

    turn: Turn
    reason: str = ""
    blocked: bool = False


_NOT_YET = Answer(Turn.NOT_YET)
_NOW = Answer(Turn.NOW)


def turn(session: Session, step: Step) -> Answer:
    """Whether a pending step may begin, by those that it needs and the one that it is part of."""
    if step.parent is not None:
        outer = session.run(step.parent)
        if outer.state in STEP_ENDED:
            return Answer(Turn.NEVER, f"{step.parent} {outer.state}", blocked=outer.blocked)
        if not outer.opened:
            return _NOT_YET
    needed = [session.step(need) for need in step.needs]
    return _first(session, needed) if step.join is Join.FIRST else _all(session, needed)


def _all(session: Session, needed: list[Step]) -> Answer:
    if any(session.run(need.id).state not in STEP_ENDED for need in needed):
        return _NOT_YET
    for need in needed:
        if session.stands_in_the_way(need):
            state = session.run(need.id).state
            return Answer(Turn.NEVER, f"it needs {need.id}, which {state}", blocked=True)
    return _NOW


def _first(session: Session, needed: list[Step]) -> Answer:
    runs = [session.run(need.id) for need in needed]
    if any(run.state is StepState.SUCCEEDED for run in runs):
        return _NOW
    if any(run.state not in STEP_ENDED for run in runs):
        return _NOT_YET
    told = ", ".join(f"{need.id} {run.state}" for need, run in zip(needed, runs, strict=True))
    return Answer(
        Turn.NEVER,
        f"none of those that it needs succeeded: {told}",
        blocked=any(not _left_out(run) for run in runs),
    )


def unwanted(session: Session, step: Step) -> bool:
    """Whether a step was not started, and all that need it have got what they waited for."""
    run = session.run(step.id)
    if not session.has_joins or run.state not in _WAITING or run.opened:
        return False
    needing = session.needing(step.id)
    return bool(needing) and all(_satisfied(session, other) for other in needing)


def _satisfied(session: Session, other: Step) -> bool:
    """Whether a step waits for no more: it is on its way by another, or is not wanted itself."""
    if _won(session, other):
        return True
    run = session.run(other.id)
    return (_left_out(run) and run.unwanted) or unwanted(session, other)


def _won(session: Session, step: Step) -> bool:
    return step.join is Join.FIRST and any(
        session.run(need).state is StepState.SUCCEEDED for need in step.needs
    )


def _left_out(run: Run) -> bool:
    """Whether it was skipped for a reason of its own, not because another one failed."""
    return run.state is StepState.SKIPPED and not run.blocked


def spoiling(session: Session) -> Iterator[Step]:
    """The steps that keep the session from having succeeded, once all have ended."""
    for step in session.steps:
        outermost = step.parent is None and session.stands_in_the_way(step)
        if outermost and not _made_good(session, step):
            yield step


def _made_good(session: Session, step: Step) -> bool:
    """Whether all that need a failed step went on by another one that came first.

    What is unknown is never made good: nobody knows what it did.
    """
    if session.run(step.id).state is StepState.UNKNOWN:
        return False
    needing = session.needing(step.id)
    return bool(needing) and all(
        _won(session, other) or (session.run(other.id).blocked and _made_good(session, other))
        for other in needing
    )


def outcome(session: Session, group: Step) -> tuple[StepState, str] | None:
    """How a step ended that stands for others; None while they have not all ended."""
    parts = session.parts(group.id)
    runs = [session.run(part.id) for part in parts]
    if any(run.state not in STEP_ENDED for run in runs):
        return None
    spoilt = [part for part in parts if session.stands_in_the_way(part)]
    spoilt = [part for part in spoilt if not _made_good(session, part)]
    failed = [part for part, run in zip(parts, runs, strict=True) if run.state is StepState.FAILED]
    if spoilt or (group.foreach is not None and failed):
        worst = (spoilt or failed)[0]
        state, count = session.run(worst.id).state, len(spoilt or failed)
        more = f", and {count - 1} more" if count > 1 else ""
        return StepState.FAILED, f"{worst.id} {state}{more} (of {len(parts)})"
    return StepState.SUCCEEDED, f"all {len(parts)} of it have ended" if parts else "no items"


def beyond_failure(session: Session, group: Step) -> bool:
    """Whether a part ended in a way that no ``on_failure`` allows: unknown, or refused."""
    runs = [
        session.run(part.id) for part in session.parts(group.id) if session.stands_in_the_way(part)
    ]
    return any(
        run.blocked if run.state is StepState.FAILED else run.state is not StepState.SKIPPED
        for run in runs
    )


def not_rolled_back(session: Session) -> tuple[str, ...]:
    """What a failed step wanted taken back, and what is still as it was left."""
    wanted = any(
        step.on_failure is OnFailure.ROLLBACK and session.run(step.id).state is StepState.FAILED
        for step in session.steps
    )
    if not wanted:
        return ()
    return tuple(
        step.id
        for step in session.steps
        if step.rollback and not step.is_group and session.run(step.id).attempt
    )
