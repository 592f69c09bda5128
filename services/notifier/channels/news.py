"""News of a ticket: the same words on every channel."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.config.channels import Kind
from shared.events import (
    CheckResult,
    Event,
    Resolution,
    SessionFinished,
    SessionOutcome,
    SessionStarted,
    StepDone,
    StepOutcome,
    TicketEscalated,
    TicketResolved,
)

_WORDS: Final = {
    Kind.STARTED: "Started",
    Kind.SUCCEEDED: "Ran through",
    Kind.FAILED: "Failed",
    Kind.NEEDS_LOOK: "Needs a look",
    Kind.RESOLVED: "Resolved",
    Kind.ESCALATED: "Needs you",
}

_KINDS: Final[dict[type[Event], Kind]] = {
    SessionStarted: Kind.STARTED,
    TicketResolved: Kind.RESOLVED,
    TicketEscalated: Kind.ESCALATED,
}
# A session that was cancelled is no news: what ended it is.
_ENDS: Final = {
    SessionOutcome.SUCCEEDED: Kind.SUCCEEDED,
    SessionOutcome.FAILED: Kind.FAILED,
}

Newsworthy = SessionStarted | SessionFinished | StepDone | TicketResolved | TicketEscalated


@dataclass(frozen=True)
class News:
    """What happened; ``sections`` are lists with a heading each.

    ``ran`` is said of the end of a ticket: whether Handrail itself did something about it. With
    ``words`` the message begins with these. ``about`` is said before the id that a mail ends with.
    """

    id: UUID
    kind: Kind
    ticket_id: UUID
    title: str
    at: datetime
    summary: str
    sections: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ran: bool = False
    words: str = ""
    about: str = "Ticket"

    @property
    def word(self) -> str:
        """What a message begins with."""
        return self.words or _WORDS[self.kind]

    @property
    def headline(self) -> str:
        """The message in one line, without what led to it."""
        return f"{self.word}: {self.title}"


def kind_of(event: Newsworthy) -> Kind | None:
    """What kind of news an event is, if it is news."""
    match event:
        case SessionFinished():
            return _ENDS.get(event.outcome)
        case StepDone():
            return Kind.NEEDS_LOOK if event.outcome is StepOutcome.UNKNOWN else None
    return _KINDS[type(event)]


def news_of(event: Newsworthy, kind: Kind, *, title: str) -> News:
    """The news in an event; ``title`` is the ticket's."""
    return News(
        id=event.id,
        kind=kind,
        ticket_id=event.ticket_id,
        title=title,
        at=event.time,
        summary=_summary(event),
        sections=tuple(section for section in _sections(event) if section[1]),
        ran=_ran(event),
    )


def _ran(event: Newsworthy) -> bool:
    match event:
        case TicketResolved(resolution=resolution):
            return resolution is Resolution.VERIFIED
        case TicketEscalated(tried=tried):
            return bool(tried)
    return False


def _summary(event: Newsworthy) -> str:
    match event:
        case SessionStarted(runbook=runbook):
            return f"The plan from {runbook} runs now."
        case SessionFinished(reason=reason):
            return reason
        case StepDone(step_id=step, reason=reason):
            return f"Nobody can tell whether the step {step} ran: {reason or 'it left no trace'}"
        case TicketResolved(summary=summary):
            return summary
        case TicketEscalated(reason=reason):
            return f"Handrail stopped here: {reason}"


def _sections(event: Newsworthy) -> Iterator[tuple[str, tuple[str, ...]]]:
    match event:
        case SessionFinished(tried=tried):
            yield "What ran", tried
        case TicketResolved(checks=checks):
            yield "What was checked", tuple(map(_checked, checks))
        case TicketEscalated(tried=tried, suggested=suggested, checks=checks):
            yield "What its plan would be", suggested
            yield "What was tried", tried
            yield "What was checked", tuple(map(_checked, checks))


def _checked(check: CheckResult) -> str:
    return f"{'passed' if check.passed else 'FAILED'}: {check.check} ({check.detail})"
