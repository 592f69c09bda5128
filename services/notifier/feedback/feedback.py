"""What one person says of how a ticket ended, and the link by which they say it."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.notifier.channels.news import News
from services.notifier.links import BadLinkError, Channel, Link, make, read
from services.notifier.posted import Posted
from services.notifier.recipients import Recipient
from services.notifier.text import REASON_LENGTH, cleaned
from shared.events import FeedbackGiven
from shared.events.envelope import derived_id

#: How long after the end of a ticket somebody may still say something.
KEPT_OPEN: Final = timedelta(days=30)

#: Gives the link for one recipient of news.
FeedbackLink = Callable[[Recipient, News], str]

_BOUND_TO: Final = "feedback"
_PURPOSE: Final = b"handrail/feedback/1"


class PostedFeedback(Posted):
    """What is posted; ``fixed`` is `yes` or `no`."""

    fixed: bool
    stars: int = Field(ge=1, le=5)
    comment: Annotated[str, AfterValidator(cleaned), Field(max_length=REASON_LENGTH)] = ""


class Feedback(BaseModel):
    """What one person said last of one ticket."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ticket_id: UUID
    by: str
    fixed: bool
    stars: int = Field(ge=1, le=5)
    comment: str = ""
    at: AwareDatetime

    @property
    def id(self) -> UUID:
        """The same for all that this person says of this ticket."""
        return derived_id(self.ticket_id, FeedbackGiven.subject, self.by.casefold())

    def event(self) -> FeedbackGiven:
        """What is told of it; another one for each change of mind."""
        said = self.model_dump(include={"ticket_id", "by", "fixed", "stars", "comment"})
        return FeedbackGiven.about(self.id, key=self.at.isoformat(), time=self.at, **said)


@dataclass(frozen=True)
class FeedbackLinks:
    """Makes and reads links; with a key of their own, so that none of them is one to a question."""

    link_key: bytes
    public_url: str

    def link_for(self, to: Recipient, news: News) -> str:
        """Where a recipient says it; nothing where nothing of Handrail's ran, and for a room."""
        if not news.ran or to.is_room:
            return ""
        link = Link.to(
            news.ticket_id,
            _BOUND_TO,
            news.at + KEPT_OPEN,
            recipient=to.email,
            channel=to.channel,
        )
        return f"{self.public_url.rstrip('/')}/f/{make(link, key=self._key)}"

    def read(self, token: str, *, now: datetime) -> Link:
        """What a token says; its ``approval_id`` is the ticket's id.

        Raises:
            BadLinkError: whatever is wrong with it.
        """
        link = read(token, key=self._key, now=now)
        if link.step != _BOUND_TO or link.channel is Channel.ROOM:
            raise BadLinkError("the link is not one for feedback")
        return link

    @property
    def _key(self) -> bytes:
        return hmac.new(self.link_key, _PURPOSE, hashlib.sha256).digest()
