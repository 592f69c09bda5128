"""The course of a ticket so far, as far as the notifier has seen it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.inquiry import Inquiry
from services.notifier.question import Question, speaker
from shared.events import Answer
from shared.lifecycle import ApprovalState
from shared.policy.quorum import words

#: The newest moments that a page shows.
MOST: Final = 30

_ENDS: Final = {
    ApprovalState.APPROVED: "Answered",
    ApprovalState.REJECTED: "Rejected",
    ApprovalState.EXPIRED: "Expired",
    ApprovalState.SUPERSEDED: "Withdrawn",
}
#: What people were told of, by the subject of the event.
_TOLD: Final = {
    "session.started": "A plan started",
    "session.finished": "A plan ended",
    "step.done": "A step may have run or not",
    "ticket.resolved": "Resolved",
    "ticket.escalated": "Handed to a person",
}


@dataclass(frozen=True)
class Moment:
    """What happened at a time."""

    at: datetime
    text: str


class Courses(Protocol):
    """Where it is seen what happened to a ticket."""

    async def of(self, ticket_id: UUID) -> tuple[Moment, ...]:
        """The newest moments of a ticket, the oldest of them first."""
        ...


def course(
    opened: datetime | None,
    questions: Iterable[Question],
    told: Iterable[tuple[str, datetime]],
) -> tuple[Moment, ...]:
    """What happened to a ticket, in order.

    Args:
        opened: when the ticket was.
        questions: all that were asked about it.
        told: the subjects of the events that people were told of, and when.
    """
    moments = [] if opened is None else [Moment(opened, "The problem was reported")]
    for question in questions:
        moments += _of(question)
    moments += [Moment(at, _TOLD[subject]) for subject, at in told if subject in _TOLD]
    return tuple(sorted(moments, key=lambda moment: moment.at)[-MOST:])


def _of(question: Question) -> Iterator[Moment]:
    title = question.title if isinstance(question, Approval | Choice | Inquiry) else "a question"
    yield Moment(question.created_at, f"Asked: {title}")
    if isinstance(question, Approval):
        for said in question.decisions:
            if said.answer is Answer.WITHDRAW:
                yield Moment(said.at, f"Taken back by {speaker(said, {})}: {title}")
    if question.settled_at and question.state in _ENDS:
        said_by = words(question.decisions) if isinstance(question, Approval) else question.answers
        by = ", ".join(speaker(said, {}) for said in said_by)
        end = f"{_ENDS[question.state]}{f' by {by}' if by else ''}: {title}"
        if isinstance(question, Approval) and question.superseded_by:
            end = f"Asked anew: {title}"
        yield Moment(question.settled_at, end)
