"""What happens to a session."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.events.checks import Check
from shared.events.envelope import Event


class SessionStarted(Event):
    """An executor took a plan on."""

    subject: ClassVar[str] = "session.started"
    session_id: UUID
    runbook: str


class Directive(StrEnum):
    """What somebody wants of a session.

    ``pause`` lets what runs end and begins nothing; ``cancel`` also ends what runs; ``retry`` makes
    a new session of one that did not succeed, in which what was done is not done again.
    """

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


class Edit(BaseModel):
    """Another command for a step."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    step_id: str
    run: str


class SessionDirected(Event):
    """Somebody said what is to become of a session.

    ``edits`` are, for a retry, the new commands of steps. ``signature`` is over all of
    it (``shared.signing``): executors heed no other word.
    """

    subject: ClassVar[str] = "session.directed"
    session_id: UUID
    directive: Directive
    by: str
    at: AwareDatetime
    reason: str = ""
    rollback: bool = Field(default=False, description="Cancel: take back what was done.")
    edits: tuple[Edit, ...] = ()
    signature: str = ""


class SessionOutcome(StrEnum):
    """How a session ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SessionFinished(Event):
    """A session ended; ``verify`` says how to tell whether the problem is gone."""

    subject: ClassVar[str] = "session.finished"
    session_id: UUID
    ticket_title: str
    outcome: SessionOutcome
    reason: str
    tried: tuple[str, ...] = ()
    verify: tuple[Check, ...] = ()
    signature: str = Field("", description="The executor's, over all that is told here.")
