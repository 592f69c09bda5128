"""An inquiry: what a session wants to know of people, and what they answered."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, Self
from uuid import UUID

from services.notifier.question import NotAsked, NotOffered, Question, Recorded, Refused, too_late
from services.notifier.recipients import Recipient
from shared.calls import ask
from shared.config.policy import people_in
from shared.errors import HandrailError
from shared.events import (
    Asked,
    Fate,
    Filled,
    FormField,
    QuestionAnswered,
    QuestionAsked,
    Refusal,
    Reply,
    ValueType,
)
from shared.lifecycle import ApprovalState, Risk
from shared.policy.voters import EVERYBODY, OnCall, Voters

_KINDS: Final = {
    ValueType.INTEGER: ask.FieldKind.INTEGER,
    ValueType.NUMBER: ask.FieldKind.NUMBER,
    ValueType.BOOLEAN: ask.FieldKind.BOOLEAN,
    ValueType.ENUM: ask.FieldKind.CHOICE,
}
_TITLES: Final = {
    Asked.FORM: "A question from a plan",
    Asked.FATE: "What became of this command?",
}
#: How people read what may have become of a lost command, and other words of machines.
WORDS: Final[Mapping[str, str]] = {
    "ran": "It ran and did its work",
    "did_not_run": "It did not run, or did not do its work",
    "again": "Run it again",
}


class Inquiry(Question):
    """A form to fill in, or the fate of a command to tell; one answer settles it.

    ``approved`` is that somebody answered, ``rejected`` that somebody would not, after which nobody
    is asked any more. ``who`` are addresses and `on-call`.
    """

    kind: Literal["inquiry"] = "inquiry"
    session_id: UUID
    step_id: str
    digest: str
    purpose: Asked
    text: str
    fields: tuple[FormField, ...]
    runbook: str
    target: str = ""
    command: str = ""
    risk: Risk | None = None
    evidence: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    decisions: tuple[Reply, ...] = ()

    @classmethod
    def asked(
        cls,
        event: QuestionAsked,
        recipients: Iterable[Recipient],
        *,
        teams: Mapping[str, tuple[str, ...]],
        now: datetime,
        trace: str,
    ) -> Self:
        """What a session wants to know; the terminal is asked where nobody else is."""
        alike = event.model_dump(include=set(cls.model_fields) - {"id", "who", "fields"})
        return cls(
            **alike,
            id=event.question_id,
            purpose=event.asked,
            fields=event.fields,
            who=people_in(event.who, teams),
            recipients=tuple(recipients) or (Recipient.at_terminal(),),
            created_at=now,
            trace=trace,
        )

    @property
    def bound_to(self) -> str:
        return self.digest

    @property
    def answers(self) -> tuple[Reply, ...]:
        return self.decisions

    @property
    def title(self) -> str:
        return _TITLES[self.purpose]

    @property
    def voters(self) -> Voters:
        """Those whose answer counts; who asked for the ticket may know it as well as others."""
        return Voters(self.who)

    @property
    def picks(self) -> FormField | None:
        """The only thing that is asked, where it is one of several options: buttons can say it."""
        only = self.fields[0] if len(self.fields) == 1 else None
        return only if only is not None and only.options else None

    def stands_for_yes(self, values: Mapping[str, str]) -> bool:
        """Whether to answer so has a command run that needs a yes."""
        return self.risk is not None and any(v.strip() == Fate.AGAIN for v in values.values())

    def outcome(self, *, expiry: str = "") -> QuestionAnswered | None:
        """See ``Question``: what the executor has to hear."""
        said: dict[str, Any] = {
            "ticket_id": self.ticket_id,
            "session_id": self.session_id,
            "step_id": self.step_id,
            "question_id": self.id,
            "digest": self.digest,
            "time": self.settled_at,
        }
        match self.state:
            case ApprovalState.APPROVED:
                said |= {"reply": self.decisions[-1]}
            case ApprovalState.REJECTED:
                said |= {"reply": self.decisions[-1], "refusal": Refusal.REJECTED}
            case ApprovalState.EXPIRED:
                said |= {"refusal": Refusal.EXPIRED, "signature": expiry}
            case ApprovalState.PENDING | ApprovalState.SUPERSEDED:
                return None
        return QuestionAnswered.about(self.id, **said)


class UnfitAnswerError(HandrailError):
    """What was filled in is not what was asked for; the text says what to change."""


def reply(
    inquiry: Inquiry, said: Reply, *, now: datetime, on_call: OnCall = EVERYBODY
) -> Recorded[Inquiry] | Refused:
    """What an answer comes to: the first one that fits settles it.

    Everybody may refuse, as everybody may say no; whose answer counts is in the inquiry.
    """
    late = too_late(inquiry, said, now=now)
    if late is not None:
        return late
    if not said.refused:
        objection = inquiry.voters.objection(
            said.by, said.channel, on_call=on_call, since=inquiry.created_at, until=said.at
        )
        if objection:
            return NotAsked(objection)
        try:
            filled(inquiry.fields, {each.name: each.value for each in said.values})
        except UnfitAnswerError as error:
            return NotOffered(str(error))
    state = ApprovalState.REJECTED if said.refused else ApprovalState.APPROVED
    update = {"decisions": (said,), "state": state, "settled_at": now}
    return Recorded(inquiry.model_copy(update=update))


def filled(fields: Iterable[FormField], given: Mapping[str, str]) -> tuple[Filled, ...]:
    """What somebody filled in, in the order of the fields; what was left as it was is left out.

    Raises:
        UnfitAnswerError: something is missing, unknown, or not what it should be.
    """
    known = {field.name: field for field in fields}
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise UnfitAnswerError(
            f"nobody asked for {', '.join(unknown)}: there is {', '.join(known)}"
        )
    written = {name: given.get(name, "").strip() for name in known}
    wrong = [
        mistake for name, field in known.items() if (mistake := _mistake(field, written[name]))
    ]
    if wrong:
        raise UnfitAnswerError("; ".join(wrong))
    return tuple(
        Filled(name=name, value=value)
        for name, value in written.items()
        if value and value != known[name].default
    )


def _mistake(field: FormField, value: str) -> str:
    """What is wrong with a value, by the rules that the executor goes by."""
    if value == (field.default or ""):
        return f"{field.name} has to be answered" if field.required and not value else ""
    rule = ask.FormField(
        type=_KINDS.get(field.type, ask.FieldKind.TEXT),
        pattern=field.pattern,
        options=field.options,
        default=field.default,
    )
    try:
        rule.answered(value)
    except ValueError as error:
        return f"{field.name} {error}"
    return ""
