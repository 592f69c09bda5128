"""What happens to a session."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.events.checks import Check
from shared.events.envelope import Event


class SessionStarted(Event):
    """An executor took a plan on."""

    subject: ClassVar[str] = "session.started"
    session_id: UUID
    runbook: str


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
