"""What the other services are told of messages about a question."""

from collections.abc import Iterable
from typing import Any

from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.question import Question
from services.notifier.recipients import Recipient, Status
from shared.events import Event, NotificationFailed, NotificationSent

#: What a notification is about, as its events say it.
APPROVAL = "approval"
CHOICE = "choice"
QUESTION = "question"


def reported(question: Question, recipients: Iterable[Recipient]) -> list[Event]:
    """What came of each message; the same events however often they are made."""
    told: list[Event] = []
    for to in recipients:
        said: dict[str, Any] = {
            "key": to.key,
            "ticket_id": question.ticket_id,
            "channel": to.over,
            "recipient": to.email,
            "purpose": _purpose(question),
            "approval_id": question.id,
        }
        if to.at is not None:
            said["time"] = to.at
        if to.status is Status.SENT:
            told.append(NotificationSent.about(question.id, **said))
        elif to.is_lost:
            told.append(NotificationFailed.about(question.id, error=to.error, **said))
    return told


def _purpose(question: Question) -> str:
    match question:
        case Approval():
            return APPROVAL
        case Choice():
            return CHOICE
    return QUESTION
