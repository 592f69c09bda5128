"""What a runbook's record is, and what an event adds to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from shared.events import (
    OnFailure,
    Resolution,
    RunbookRef,
    SessionFinished,
    SessionOutcome,
    TicketEscalated,
    TicketResolved,
)
from shared.lifecycle import StepState

#: What tells how a session went.
Telling = SessionFinished | TicketResolved | TicketEscalated

_BROKEN: Final = frozenset({StepState.FAILED, StepState.UNKNOWN})


class Tally(StrEnum):
    """One thing that counts for or against a runbook."""

    RAN = "ran"
    BROKE = "broke"
    VERIFIED = "verified"
    DID_NOT_HELP = "did_not_help"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TriedStep(_Part):
    """A step of a session, as far as it matters here."""

    id: str
    on_failure: OnFailure = OnFailure.STOP


class TriedRun(_Part):
    """How a step went."""

    state: StepState = StepState.PENDING
    attempt: int = 0


class Tried(_Part):
    """A session as its runbook's record sees it; ``counted`` are the events that were counted."""

    runbook: RunbookRef
    steps: tuple[TriedStep, ...]
    runs: Mapping[str, TriedRun] = {}
    counted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What became of one text of a runbook; see ``facts.HistoryFacts`` for the numbers."""

    runbook: str
    version: str
    runs: int = 0
    verified: int = 0
    failed: int = 0
    failed_in_a_row: int = 0

    @property
    def rate(self) -> float:
        """Verified runs of all."""
        return self.verified / self.runs if self.runs else 0.0


@dataclass(frozen=True)
class LastHour:
    """Changing steps by target and plans by runbook, of the plans of the last hour."""

    on_target: Mapping[str, int] = field(default_factory=dict)
    of_runbook: Mapping[str, int] = field(default_factory=dict)


def tally(event: Telling, session: Tried) -> Tally | None:
    """What an event says of the runbook, if anything.

    What people kept from running says nothing, nor does what no machine could check.
    """
    match event:
        case SessionFinished(outcome=SessionOutcome.SUCCEEDED):
            return Tally.RAN if _anything_ran(session) else None
        case SessionFinished(outcome=SessionOutcome.FAILED):
            return Tally.BROKE if _broke(session) else None
        case TicketResolved(resolution=Resolution.VERIFIED):
            return Tally.VERIFIED
        case TicketEscalated(checks=checks) if any(not check.passed for check in checks):
            return Tally.DID_NOT_HELP
    return None


def _anything_ran(session: Tried) -> bool:
    return any(run.attempt for run in session.runs.values())


def _broke(session: Tried) -> bool:
    return any(
        session.runs.get(step.id, TriedRun()).state in _BROKEN
        for step in session.steps
        if step.on_failure is OnFailure.STOP
    )
