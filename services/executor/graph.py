"""How the steps of a session stand to each other: pure questions over what has ended so far."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from services.executor.session import Run, Session
from shared.events import Join, Step
from shared.lifecycle import StepState

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
        if outer.over:
            return Answer(Turn.NEVER, f"{step.parent} {outer.state}", blocked=outer.blocked)
        if not outer.opened:
            return _NOT_YET
    sources = session.leading_to(step.id)
    if sources and (led := _led(session, sources)).turn is not Turn.NOW:
        return led
    needed = [session.step(need) for need in step.needs]
    return _first(session, needed) if step.join is Join.FIRST else _all(session, needed)


def _led(session: Session, sources: list[Step]) -> Answer:
    """Whether one of the steps failed whose failure leads here."""
    runs = [session.run(source.id) for source in sources]
    if any(run.state is StepState.FAILED and not run.unwanted for run in runs):
        return _NOW
    if any(not run.over for run in runs):
        return _NOT_YET
    names = ", ".join(source.id for source in sources)
    return Answer(Turn.NEVER, f"it is for a failure of {names} only")


def _all(session: Session, needed: list[Step]) -> Answer:
    if any(not session.run(need.id).over for need in needed):
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
    if any(not run.over for run in runs):
        return _NOT_YET
    told = ", ".join(f"{need.id} {run.state}" for need, run in zip(needed, runs, strict=True))
    return Answer(
        Turn.NEVER,
        f"none of those that it needs succeeded: {told}",
        blocked=any(not _left_out(run) for run in runs),
    )


def unwanted(session: Session, step: Step) -> bool:
    """Whether a step was not started, and all that need it have got what they waited for."""
    return _unwanted(session, step, {})


def beaten(session: Session, step: Step) -> bool:
    """Whether a step runs, and another one came first for all that need it."""
    run = session.run(step.id)
    return run.state is StepState.RUNNING and not run.stop and _superfluous(session, step, {})


def _unwanted(session: Session, step: Step, known: dict[str, bool]) -> bool:
    run = session.run(step.id)
    return run.state in _WAITING and not run.opened and _superfluous(session, step, known)


def _superfluous(session: Session, step: Step, known: dict[str, bool]) -> bool:
    """Whether nobody waits for a step; ``known`` are the answers so far, which many ask for."""
    if not session.has_joins:
        return False
    if step.id not in known:
        outer = None if step.parent is None else session.step(step.parent)
        is_open = outer is not None and session.run(outer.id).opened
        needing = session.needing(step.id)
        known[step.id] = bool(
            (outer is not None and is_open and _superfluous(session, outer, known))
            or (needing and all(_satisfied(session, other, known) for other in needing))
        )
    return known[step.id]


def _satisfied(session: Session, other: Step, known: dict[str, bool]) -> bool:
    """Whether a step waits for no more: it is on its way by another, or is not wanted itself."""
    if _won(session, other):
        return True
    run = session.run(other.id)
    return (_left_out(run) and run.unwanted) or _unwanted(session, other, known)


def _won(session: Session, step: Step) -> bool:
    return step.join is Join.FIRST and any(
        session.run(need).state is StepState.SUCCEEDED for need in step.needs
    )


def _left_out(run: Run) -> bool:
    """Whether it was skipped for a reason of its own, not because another one failed."""
    return run.state is StepState.SKIPPED and not run.blocked


def spoiling(session: Session) -> Iterator[Step]:
    """The steps that keep the session from having succeeded, once all have ended."""
    known = _Known()
    for step in session.steps:
        outermost = step.parent is None and session.stands_in_the_way(step)
        if outermost and not _made_good(session, step, known):
            yield step


@dataclass(frozen=True)
class _Known:
    """What is known by now of the ends of steps, which many ask for: see those functions."""

    made_good: dict[str, bool] = field(default_factory=dict)
    gone_around: dict[str, bool] = field(default_factory=dict)


def _made_good(session: Session, step: Step, known: _Known) -> bool:
    """Whether all that need a failed step went on by another one that came first.

    What is unknown is never made good: nobody knows what it did.
    """
    if step.id not in known.made_good:
        known.made_good[step.id] = session.run(step.id).state is not StepState.UNKNOWN and (
            _gone_around(session, step, known) or _passed_by(session, step, known)
        )
    return known.made_good[step.id]


def _passed_by(session: Session, step: Step, known: _Known) -> bool:
    needing = session.needing(step.id)
    return bool(needing) and all(
        _won(session, other)
        or (session.run(other.id).blocked and _made_good(session, other, known))
        for other in needing
    )


def _gone_around(session: Session, step: Step, known: _Known) -> bool:
    """Whether its failure led on to a step that succeeded, or it needed only such steps."""
    if step.id not in known.gone_around:
        known.gone_around[step.id] = _led_around(session, step, known)
    return known.gone_around[step.id]


def _led_around(session: Session, step: Step, known: _Known) -> bool:
    run = session.run(step.id)
    if run.state is StepState.FAILED:
        return step.goto is not None and session.run(step.goto).state is StepState.SUCCEEDED
    if run.state is not StepState.SKIPPED or not run.blocked:
        return False
    blocking = [need for need in map(session.step, step.needs) if session.stands_in_the_way(need)]
    return bool(blocking) and all(_gone_around(session, need, known) for need in blocking)


def outcome(session: Session, group: Step) -> tuple[StepState, str] | None:
    """How a step ended that stands for others; None while they have not all ended."""
    parts = session.parts(group.id)
    runs = [session.run(part.id) for part in parts]
    if any(not run.over for run in runs):
        return None
    spoilt = [part for part in parts if session.stands_in_the_way(part)]
    known = _Known()
    spoilt = [part for part in spoilt if not _made_good(session, part, known)]
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
