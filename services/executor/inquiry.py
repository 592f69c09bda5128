"""What a session asks people beside a yes: what became of a lost command, and forms of steps."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from services.executor.moves import Move, evidence, inquire
from services.executor.session import Session
from shared.calls import ask
from shared.calls.call import parsed
from shared.errors import PermanentError
from shared.events import Asked, Fate, FormField, QuestionAsked, Reply, Step, ValueType
from shared.lifecycle import StepState
from shared.policy.quorum import quorum
from shared.policy.voters import EVERYBODY

#: The steps that are questions themselves.
USES: Final = "ask"
#: How people read what may have become of a command.
FATES: Final[dict[Fate, str]] = {
    Fate.RAN: "it ran and did its work",
    Fate.DID_NOT_RUN: "it did not run, or did not do its work",
    Fate.AGAIN: "run it again",
}
_FATE: Final = FormField(
    name="fate", title="What became of it?", type=ValueType.ENUM, options=tuple(Fate)
)
_TYPES: Final = {
    ask.FieldKind.TEXT: ValueType.STRING,
    ask.FieldKind.INTEGER: ValueType.INTEGER,
    ask.FieldKind.NUMBER: ValueType.NUMBER,
    ask.FieldKind.BOOLEAN: ValueType.BOOLEAN,
    ask.FieldKind.CHOICE: ValueType.ENUM,
}


class UnfitReplyError(PermanentError):
    """What somebody answered is not what was asked for."""


def ask_fate(move: Move, step: Step) -> None:
    """Ask what became of a command whose end nobody saw."""
    run = move.session.run(step.id)
    what = "; ".join(f"{fate}: {said}" for fate, said in FATES.items())
    where = f" on {step.target}" if step.target else ""
    text = (
        f"“{step.title}” was started{where}, and how it ended is not known "
        f"({run.reason}). Look there, then say what became of it. {what}."
    )
    inquire(move, step, run, _question(move, step, Asked.FATE, text))


def ask_form(move: Move, step: Step) -> None:
    """Ask for what a step wants to know.

    Raises:
        MalformedCallError: the step's text is no form.
    """
    run = move.session.run(step.id).becomes(
        StepState.AWAITING_APPROVAL, asked_at=move.now, started_at=move.now
    )
    inquire(move, step, run, _question(move, step, Asked.FORM, form_of(step).question))


def digest(session: Session, step: Step) -> str:
    """SHA-256 (hexadecimal) over all that an answer to a step's question is about."""
    said = {
        "question": str(session.question_id(step)),
        "step": step.digest(session.id),
        "fields": [field.model_dump(mode="json") for field in _fields(step)],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def form_of(step: Step) -> ask.Form:
    """The form that a step is.

    Raises:
        MalformedCallError: it is none.
    """
    form = parsed(ask.ACTIONS, step.run)
    if not isinstance(form, ask.Form):
        raise TypeError(f"{step.id} is no form")
    return form


def fate_of(reply: Reply) -> Fate:
    """What somebody says became of a command.

    Raises:
        UnfitReplyError: it is none of what was offered.
    """
    said = {each.name: each.value for each in reply.values}.get(_FATE.name, "")
    if said not in _FATE.options:
        raise UnfitReplyError(f"say one of {', '.join(_FATE.options)}, not {said!r}")
    return Fate(said)


def alone_agrees(session: Session, step: Step, reply: Reply) -> bool:
    """Whether who wants a command run again needs nobody else's yes to it.

    Where several people agreed to it, one of them does not have it run once more.
    """
    if not step.approval.required:
        return True
    whose = quorum(step.approval, requester=session.requester)
    return whose.needed == 1 and not whose.voters.objection(
        reply.by, reply.channel, on_call=EVERYBODY, since=reply.at, until=reply.at
    )


def filled(step: Step, reply: Reply) -> Mapping[str, Any]:
    """The values of a form that was filled in, as what they are declared to be.

    Raises:
        UnfitReplyError: one is missing, unknown, or not what it should be.
    """
    fields = form_of(step).fields
    given = {each.name: each.value for each in reply.values}
    unknown = sorted(given.keys() - fields.keys())
    if unknown:
        raise UnfitReplyError(f"nobody asked for {', '.join(unknown)}")
    values = {}
    for name, field in fields.items():
        try:
            values[name] = field.answered(given.get(name, ""))
        except ValueError as error:
            raise UnfitReplyError(f"{name} {error}") from error
    return values


def _fields(step: Step) -> tuple[FormField, ...]:
    if step.uses != USES:
        return (_FATE,)
    return tuple(
        FormField(
            name=name,
            title=field.title,
            type=_TYPES[field.type],
            required=field.default is None,
            default=None if field.default is None else str(field.default),
            pattern=field.pattern,
            options=field.options,
        )
        for name, field in form_of(step).fields.items()
    )


def asked_of(step: Step) -> tuple[str, ...]:
    """Whom a form is for by its own words, else those whose yes the step would need."""
    named = form_of(step).people if step.uses == USES else ()
    return named or step.approval.who


def _question(move: Move, step: Step, asked: Asked, text: str) -> QuestionAsked:
    session = move.session
    question_id = session.question_id(step)
    return QuestionAsked.about(
        session.id,
        key=str(question_id),
        time=move.now,
        ticket_id=session.ticket_id,
        session_id=session.id,
        step_id=step.id,
        question_id=question_id,
        digest=digest(session, step),
        asked=asked,
        text=text,
        fields=_fields(step),
        ticket_title=session.ticket_title,
        severity=session.severity,
        runbook=session.runbook.name,
        target=step.target,
        command="" if asked is Asked.FORM else step.run,
        risk=step.risk if asked is Asked.FATE and step.approval.required else None,
        evidence=evidence(session),
        who=asked_of(step),
        expires_at=move.now + step.approval.expires_after,
    )
