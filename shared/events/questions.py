"""What a session asks people beside a yes or no, and what they answered."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events.envelope import Event
from shared.events.graph import ValueType
from shared.events.steps import Refusal
from shared.lifecycle import Risk, Severity


class Asked(StrEnum):
    """What a question is about: values for the plan, or what became of a command that was lost."""

    FORM = "form"
    FATE = "fate"


class Fate(StrEnum):
    """What somebody found out about a command whose end nobody saw."""

    RAN = "ran"
    DID_NOT_RUN = "did_not_run"
    AGAIN = "again"


class FormField(BaseModel):
    """One thing to fill in; of ``options``, one is chosen."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    title: str = ""
    type: ValueType = ValueType.STRING
    required: bool = True
    default: str | None = None
    pattern: str | None = None
    options: tuple[str, ...] = ()


class QuestionAsked(Event):
    """A session goes on when somebody has answered.

    A question about a lost command has one field, ``fate``, whose options are those of ``Fate``.
    ``digest`` stands for all that is asked: what people answer is signed over it.
    """

    subject: ClassVar[str] = "question.asked"
    session_id: UUID
    step_id: str
    question_id: UUID
    digest: str
    asked: Asked
    text: str
    fields: tuple[FormField, ...]
    ticket_title: str
    severity: Severity
    runbook: str
    target: str = ""
    command: str = ""
    risk: Risk | None = Field(
        None, description="Of a command that needed a yes, and would need it to be run again."
    )
    evidence: tuple[str, ...] = ()
    who: tuple[str, ...] = Field(
        (), description="Who may answer: addresses, and `on-call`; everybody where it is empty."
    )
    expires_at: AwareDatetime
    signature: str = Field("", description="The executor's, over all that is told here.")


class Filled(BaseModel):
    """What somebody wrote into one field of a form."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    value: str


class Reply(BaseModel):
    """One person's answer; ``signature`` is over everything here and the question's digest.

    ``refused`` is that this person will not answer, and why is in ``reason``; then nobody is asked
    any more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    values: tuple[Filled, ...] = ()
    refused: bool = False
    by: str
    at: AwareDatetime
    channel: str
    reason: str = ""
    signature: str = ""


class QuestionAnswered(Event):
    """Somebody answered, or would not (``refusal`` rejected), or nobody did in time."""

    subject: ClassVar[str] = "question.answered"
    session_id: UUID
    step_id: str
    question_id: UUID
    digest: str
    reply: Reply | None = None
    refusal: Refusal | None = None
    signature: str = Field("", description="Over an expiry, which no person signs.")
