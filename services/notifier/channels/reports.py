"""What is told to the other services of messages that were sent, or were not."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.notifier.recipients import Recipient, Status
from shared.errors import UnavailableError
from shared.events import Event, NotificationFailed, NotificationSent


def reports(
    cause: Event, recipients: Sequence[Recipient], *, purpose: str, about: UUID | None = None
) -> list[Event]:
    """What came of each message; the same events however often they are made."""
    told: list[Event] = []
    for to in recipients:
        said: dict[str, Any] = {
            "key": to.key,
            "channel": to.over,
            "recipient": to.email,
            "purpose": purpose,
            "approval_id": about,
        }
        if to.status is Status.SENT:
            told.append(NotificationSent.following(cause, **said))
        elif to.is_lost:
            told.append(NotificationFailed.following(cause, error=to.error, **said))
    return told


def raise_for_unsent(recipients: Sequence[Recipient]) -> None:
    """Have the bus deliver the cause again, if somebody could not be reached for now.

    Raises:
        UnavailableError: somebody could not.
    """
    unsent = [to for to in recipients if to.status is Status.QUEUED]
    if unsent:
        raise UnavailableError(f"{len(unsent)} not told yet: {unsent[0].error}")
