"""A message in a chat, of which it has to be known where it stands."""

from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.channels.message import Asking, Telling
from services.notifier.question import Question
from services.notifier.recipients import Recipient


class Post(BaseModel):
    """A message to one recipient in a chat; ``reference`` is empty until it is known to be there.

    ``shown`` is how its question stood when it was last written, ``live`` whether it may still have
    to be written again. ``bound_to`` is the digest of what was asked in it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    ticket_id: UUID
    to: Recipient
    at: AwareDatetime
    reference: str = ""
    question_id: UUID | None = None
    bound_to: str = ""
    shown: str = ""
    live: bool = False

    @classmethod
    def of(cls, message: Asking | Telling, *, at: AwareDatetime) -> Self:
        """The post that a message will be."""
        if isinstance(message, Telling):
            return cls(id=message.id, ticket_id=message.news.ticket_id, to=message.to, at=at)
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
