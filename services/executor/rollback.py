"""Taking back what a plan did: when, which steps, and in which order."""

from services.executor.moves import Move, skip
from services.executor.session import Session
from shared.events import Join, OnFailure, Retry, Step
from shared.lifecycle import Effect, StepState

_CONSENTED = "people agreed to it with the step that it takes back"


def wanted(session: Session) -> str:
    """Why what was done is to be taken back; empty where it is not."""
    for step in session.steps:
        run = session.run(step.id)
        failed = run.state is StepState.FAILED and not run.unwanted
        if failed and step.on_failure is OnFailure.ROLLBACK:
            return f"{step.id} failed" + (f": {run.reason}" if run.reason else "")
    return ""


def leave_the_rest(move: Move) -> None:
    """Begin nothing more of what was planned."""
    for step in move.session.steps:
        run = move.session.run(step.id)
        waits = run.state in (StepState.PENDING, StepState.AWAITING_APPROVAL, StepState.READY)
        if waits and not run.opened and step.undoes is None:
            reason = f"the plan is taken back: {move.session.rolling_back}"
            skip(move, step, run.unasked(), reason, blocked=True)


def begin(move: Move) -> None:
    """Once everything has ended, add the steps that take back, the last one first."""
    session = move.session
    if any(step.undoes for step in session.steps):
        return
    if any(not session.run(step.id).over for step in session.steps):
        return
    added = undoing(session)
    if added:
        move.session = session.model_copy(update={"steps": (*session.steps, *added)})
        move.rewritten = True


def undoing(session: Session) -> tuple[Step, ...]:
    """The steps that take back what was begun, in the reverse of the order in which it ended."""
    order = {step.id: position for position, step in enumerate(session.steps)}
    begun = [
        step
        for step in session.steps
        if step.rollback and not step.is_group and session.run(step.id).attempt
    ]
    ended = {step.id: session.run(step.id).ended_at for step in begun}
    begun.sort(key=lambda step: (ended[step.id] is not None, ended[step.id], order[step.id]))
    steps: list[Step] = []
    for step in reversed(begun):
        needs = (steps[-1].id,) if steps else ()
        steps.append(_undo(step, needs, unknown=session.run(step.id).state is StepState.UNKNOWN))
    return tuple(steps)


def _undo(step: Step, needs: tuple[str, ...], *, unknown: bool) -> Step:
    """The step that takes one back.

    Whoever agreed to a step has seen what takes it back, so that nobody is asked again unless a
    rule of the policy says so, its risk is higher, or nobody knows whether there is something to
    take back.
    """
    risk = step.rollback_risk or step.risk
    asks = unknown or risk.rank > step.risk.rank
    reason = "whether it ran is not known" if unknown else "taking it back is riskier than it was"
    return Step(
        id=f"undo:{step.id}",
        title=f"Take back: {step.title}",
        needs=needs,
        join=Join.ALL,
        uses=step.uses,
        target=step.target,
        run=step.rollback or "",
        risk=risk,
        effect=Effect.ONCE,
        timeout=step.timeout,
        retry=Retry(),
        on_failure=OnFailure.CONTINUE,
        approval=step.approval.model_copy(
            update={"required": int(asks), "reason": reason if asks else _CONSENTED}
        ),
        why=f"It takes back what “{step.title}” did.",
        expects="What the step changed is as it was before.",
        undoes=step.id,
    )


def told(session: Session) -> str:
    """What was taken back and what was not, for people."""
    undone = [step for step in session.steps if step.undoes]
    back = [
        step.undoes or "" for step in undone if session.run(step.id).state is StepState.SUCCEEDED
    ]
    left = [step.undoes or "" for step in undone if step.undoes not in back]
    parts = [f"taken back: {', '.join(back)}"] if back else []
    parts += [f"not taken back: {', '.join(left)}"] if left else []
    return "; ".join(parts)
