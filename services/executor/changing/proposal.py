"""What becomes of a step for which somebody wants other values: it is asked about anew.

With the new values where they fit, and as it was where they do not; either way the request says who
wanted what. Nobody's yes holds on to it: not even that of who wanted the change, who has signed
values and not the step that they make.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.executor.advance import advanced
from services.executor.changing.forms import is_as_planned, params
from services.executor.moves import Move
from services.executor.session import Before, Run, Session
from shared.events import ChangedValue, Proposal, Step, StepChange, StepChangeProposed
from shared.lifecycle import StepState
from shared.runbook.changing import Form, UnfitChangeError, changed_values, fitted, texts_with


@dataclass(frozen=True)
class Rewritten:
    """A step with other values, and what is told of that."""

    step: Step
    values: dict[str, Any]
    change: StepChange


def proposed(
    session: Session,
    said: StepChangeProposed,
    form: Form | None,
    owner: str,
    now: datetime,
    *,
    objection: str = "",
) -> Move | None:
    """Ask about a step anew, with other values or why it does not get them.

    None where the step does not wait for an answer to the request that the proposal is about.
    ``objection`` is why this person's word does not count.
    """
    if not session.has_step(said.step_id):
        return None
    step, run = session.step(said.step_id), session.run(said.step_id)
    if run.state is not StepState.AWAITING_APPROVAL or run.question_id is not None:
        return None
    if (said.approval_id, said.step_hash) != (
        session.approval_id(step),
        step.digest(session.id),
    ):
        return None
    move = Move(session, owner, now)
    try:
        made = _rewritten(session, step, form, said.proposal, objection)
    except UnfitChangeError as error:
        change = _told(said.proposal).model_copy(update={"refused": str(error)})
        _again(move, step, run.model_copy(update={"change": change, "before": None}))
    else:
        move.write(made.step)
        before = Before(step=step, changed=run.changed)
        changed = {**run.changed, **made.values}
        update = {"change": made.change, "changed": changed, "before": before}
        _again(move, made.step, run.model_copy(update=update))
    return advanced(move)


def _again(move: Move, step: Step, run: Run) -> None:
    ready = run.becomes(
        StepState.READY, agreed=0, not_before=None, again="", superseded=run.approval_id
    )
    move.put(step, ready)


def _rewritten(
    session: Session, step: Step, form: Form | None, said: Proposal, objection: str
) -> Rewritten:
    """The step with other values.

    Raises:
        UnfitChangeError: it cannot have these; says why.
    """
    if objection:
        raise UnfitChangeError(objection)
    if form is None or session.alert is None:
        raise UnfitChangeError("the text of its runbook cannot be read, so it stays as it is")
    changeable = form.filled(params(session, step, form), session.alert)
    if not is_as_planned(step, changeable):
        raise UnfitChangeError("a person wrote its command, in which no values can be changed")
    values = fitted(changeable, said.values)
    was = texts_with(changeable, step.uses, {})
    texts = texts_with(changeable, step.uses, values)
    new = {name: text for name, text in texts.items() if text != was[name]}
    if not new:
        raise UnfitChangeError("with these values it would be the same")
    change = _told(said).model_copy(
        update={
            "values": tuple(
                ChangedValue(name=name, old=old, new=value)
                for name, old, value in changed_values(changeable, values)
            ),
            "before": {name: getattr(step, name) for name in new},
        }
    )
    why = step.why.replace(step.title, new["title"]) if "title" in new else step.why
    # What a dry run made was made of the other values.
    rewritten = step.model_copy(update={**new, "why": why, "artifact": None})
    return Rewritten(rewritten, dict(values), change)


def _told(said: Proposal) -> StepChange:
    wanted = tuple(
        ChangedValue(name=name, old="", new=value) for name, value in said.values.items()
    )
    return StepChange(by=said.as_yes.told_by, at=said.at, reason=said.reason, values=wanted)
