"""The audit trail: one entry for each view, click and decision, which nobody changes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, Self
from uuid import UUID, uuid4

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.notifier.approval import Approval
from services.notifier.links import Link
from services.notifier.question import Question, Said
from services.notifier.text import one_line
from shared.events import Decision

_AGENT_LENGTH: Final = 200


class Action(StrEnum):
    """What somebody did with a question; a decision counted or was refused."""

    VIEWED = "viewed"
    CLICKED = "clicked"
    IN_ADVANCE = "in advance"
    DECIDED = "decided"
    REFUSED = "refused"


class Origin(BaseModel):
    """From where: an address and a program, as far as they are known.

    Of an answer in a chat neither is; the channel says that it came by one.
    """

    model_config = ConfigDict(frozen=True)

    address: str = ""
    agent: str = ""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Where a request comes from."""
        agent = one_line(request.headers.get("user-agent", ""))
        address = request.client.host if request.client else ""
        return cls(address=address, agent=agent[:_AGENT_LENGTH])


NOWHERE: Final = Origin()


class Entry(BaseModel):
    """What one recipient of a link did; ``detail`` is what they said, or why it did not count."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID = Field(default_factory=uuid4)
    at: AwareDatetime
    approval_id: UUID
    ticket_id: UUID
    action: Action
    by: str
    channel: str
    address: str = ""
    agent: str = ""
    detail: str = ""

    @classmethod
    def of(
        cls,
        action: Action,
        question: Question,
        link: Link,
        origin: Origin,
        *,
        at: datetime,
        detail: str = "",
    ) -> Self:
        """What the recipient of a link does at a time."""
        return cls(
            at=at,
            approval_id=question.id,
            ticket_id=question.ticket_id,
            action=action,
            by=link.recipient,
            channel=link.channel.value,
            address=origin.address,
            agent=origin.agent,
            detail=detail,
        )


class Trail(Protocol):
    """Where entries are kept for ever."""

    async def add(self, entry: Entry) -> None:
        """Store an entry.

        Raises:
            UnavailableError: not now; then nothing is shown either.
        """
        ...


def complete(question: Question, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries with those of decisions that a crash kept from being written down.

    The question itself has every answer that counted; an entry of one that comes from there has
    the question's id, and nothing of its origin.
    """
    known = Counter(
        (entry.by, entry.channel, entry.detail if isinstance(question, Approval) else "")
        for entry in entries
        if entry.action is Action.DECIDED
    )
    lost = [
        Entry(
            id=question.id,
            at=said.at,
            approval_id=question.id,
            ticket_id=question.ticket_id,
            action=Action.DECIDED,
            by=said.by,
            channel=said.channel,
            detail=": ".join(filter(None, (word, said.reason))),
        )
        for word, said in _not_in(known, question.answers)
    ]
    return tuple(sorted((*entries, *lost), key=lambda entry: entry.at))


def _not_in(
    known: Counter[tuple[str, str, str]], answers: Sequence[Said]
) -> Iterator[tuple[str, Said]]:
    """The answers of which there is no entry: the same person may say yes, take it back, say no."""
    for said in answers:
        word = said.answer.value if isinstance(said, Decision) else ""
        key = (said.by, said.channel, word)
        if known[key]:
            known[key] -= 1
        else:
            yield word, said
