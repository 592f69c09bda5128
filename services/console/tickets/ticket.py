"""Tickets as the API shows them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.console.chain import Entry, first_break
from shared.events import Alert
from shared.lifecycle import SessionState, Severity, TicketState, Verdict


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TicketSummary(_View):
    """One problem that somebody must deal with, as in a list."""

    id: UUID
    state: TicketState
    severity: Severity | None = None
    title: str
    source: str
    fingerprint: str
    count: Annotated[int, Field(description="How often it was told so far.")] = 0
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime | None = None
    session_id: UUID | None = None
    parent_id: UUID | None = None


class Judged(_View):
    """What triage made of it."""

    verdict: Verdict
    confidence: float
    reasons: tuple[str, ...] = ()


class Attempt(_View):
    """One attempt to fix it."""

    id: UUID
    state: SessionState
    runbook: str
    created_at: datetime | None = None

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        name = document.get("runbook", {}).get("name", "")
        return cls.model_validate({**document, "id": document["_id"], "runbook": name})


class Line(_View):
    """One line of its life; `seq` is the order in which they were recorded."""

    seq: int
    at: datetime
    subject: str
    who: str
    what: str
    why: str


class TicketView(TicketSummary):
    """One ticket with its alert, what was judged and tried, and all that happened to it."""

    alert: Alert
    verdict: Judged | None = None
    escalated_because: str = ""
    resolution: str = ""
    sessions: tuple[Attempt, ...]
    intact: Annotated[bool, Field(description="Whether the record is as it was written.")]
    timeline: Annotated[tuple[Line, ...], Field(description="In the order of happening.")]

    @classmethod
    def told(
        cls, document: dict[str, Any], entries: tuple[Entry, ...], attempts: tuple[Attempt, ...]
    ) -> Self:
        """All that is known of a ticket."""
        resolved = document.get("resolved") or {}
        ended = f"{resolved.get('resolution', '')} {resolved.get('summary', '')}".strip()
        lines = [Line.model_validate(vars(each)) for each in entries]
        return cls.model_validate(
            {
                **document,
                "id": document["_id"],
                "escalated_because": (document.get("escalated") or {}).get("reason", ""),
                "resolution": ended,
                "sessions": attempts,
                "intact": first_break(entries) is None,
                "timeline": sorted(lines, key=lambda line: (line.at, line.seq)),
            }
        )
