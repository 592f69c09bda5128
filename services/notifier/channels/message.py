"""What a channel is given to deliver: a question, or news of a ticket."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID, uuid5

from services.notifier.channels.news import News
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.events.envelope import derived_id

LinkFor = Callable[[Recipient, Question], str]
"""Where a recipient reads a question, and answers."""


@dataclass(frozen=True)
class Asking:
    """A question to one recipient; ``link`` is where this one reads it, and answers."""

    question: Question
    to: Recipient
    link: str

    @cached_property
    def id(self) -> UUID:
        """The same however often it is made, and another for each recipient."""
        return derived_id(self.question.id, "mail", self.to.key)


@dataclass(frozen=True)
class Telling:
    """News for one recipient; ``feedback`` is where they say whether it was fixed, if anywhere."""

    news: News
    to: Recipient
    feedback: str = ""

    @cached_property
    def id(self) -> UUID:
        """See ``Asking``."""
        return derived_id(self.news.id, "mail", self.to.key)


Message = Asking | Telling


def digest_id(askings: Sequence[Asking]) -> UUID:
    """The id of a message that asks somebody several things; the same for the same questions."""
    return uuid5(askings[0].id, "/".join(sorted(str(asking.id) for asking in askings)))


def ticket_of(message: Message) -> UUID:
    """The ticket that a message is about."""
    return message.question.ticket_id if isinstance(message, Asking) else message.news.ticket_id


def about(message: Message) -> UUID:
    """What a person would look for: the question, or the ticket."""
    return message.question.id if isinstance(message, Asking) else message.news.ticket_id
