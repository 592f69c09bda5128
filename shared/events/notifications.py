"""What was told to people, and what they told back."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.events.envelope import Event


class NotificationSent(Event):
    """A channel took a message for one recipient."""

    subject: ClassVar[str] = "notification.sent"
    channel: str
    recipient: str
    purpose: str
    approval_id: UUID | None = None


class NotificationFailed(Event):
    """A channel refused a message for one recipient for good."""

    subject: ClassVar[str] = "notification.failed"
    channel: str
    recipient: str
    purpose: str
    error: str
    approval_id: UUID | None = None


class FeedbackGiven(Event):
    """A person said whether the fix was one."""

    subject: ClassVar[str] = "feedback.given"
    by: str
    fixed: bool
    stars: int = Field(ge=1, le=5)
    comment: str = ""
