"""A message in a chat, of which it has to be known where it stands."""

from collections.abc import Sequence
from typing import Final, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.channels.message import Asking, Telling, digest_id
from services.notifier.question import Question
from services.notifier.recipients import Recipient

#: What news are bound to by which people may say whether it was fixed.
FEEDBACK: Final = "feedback"


class Post(BaseModel):
    """A message to one recipient in a chat; ``reference`` is empty until it is known to be there.

    ``shown`` is how its question stood when it was last written, ``live`` whether it may still have
    to be written again. ``root`` is the message whose thread it is in, where that is none about the
    ticket. ``bound_to`` is the digest of what was asked in it, or `feedback`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    ticket_id: UUID
    to: Recipient
    at: AwareDatetime
    reference: str = ""
    question_id: UUID | None = None
    bound_to: str = ""
    root: str = ""
    shown: str = ""
    live: bool = False

    @classmethod
    def of_several(cls, askings: Sequence[Asking], *, at: AwareDatetime) -> Self:
        """The post that tells of several questions; it is about no ticket, and never changes."""
        known = digest_id(askings)
        return cls(id=known, ticket_id=known, to=askings[0].to, at=at)

    @classmethod
    def of(cls, message: Asking | Telling, *, at: AwareDatetime) -> Self:
        """The post that a message will be."""
        if isinstance(message, Telling):
            bound_to = FEEDBACK if message.news.ran else ""
            ticket_id = message.news.ticket_id
            return cls(id=message.id, ticket_id=ticket_id, to=message.to, at=at, bound_to=bound_to)
        question = message.question
        return cls(
            id=message.id,
            ticket_id=question.ticket_id,
            to=message.to,
            at=at,
            question_id=question.id,
            bound_to=question.bound_to,
            shown=standing(question),
            live=True,
        )


def standing(question: Question) -> str:
    """How a question stands, in a form that changes whenever people should see something new."""
    return f"{question.state}:{len(question.answers)}"
