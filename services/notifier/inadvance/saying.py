"""What the person whom a link was made for says in advance: recorded, signed, and ended again."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar
from uuid import UUID, uuid4

import structlog

from services.notifier.approval import Approval
from services.notifier.links import Channel, Link
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from shared.config import Person
from shared.events import Answer, Delegation, Window
from shared.lifecycle import Risk
from shared.signing import Signer
from shared.standing.live import LiveStanding
from shared.standing.making import Speaker, UnfitWordError, delegation, window

log = structlog.get_logger(__name__)

#: What is added to a link for the page where that is said.
ADVANCE: Final = "advance"
#: For how long somebody may be away, and something be allowed, as a page offers it.
AWAY: Final = tuple(timedelta(hours=hours) for hours in (1, 4, 8, 24, 72, 168))
ALLOWED: Final = tuple(timedelta(hours=hours) for hours in (1, 2, 4, 8))
NOT_ALLOWED: Final = "that can be allowed only after a yes, and not for every step"

W = TypeVar("W", Delegation, Window)
Also = Callable[[UUID, Iterable[Recipient]], Awaitable[None]]
"""Tells more people of a question that is open."""


class Words(Protocol):
    """See ``shared.standing.store.MongoStanding``."""

    async def add(self, word: Delegation | Window) -> bool: ...
    async def end(self, word_id: UUID, *, by: str, at: datetime) -> bool: ...


@dataclass(frozen=True)
class InAdvance:
    """Where it is said; ``also`` tells a stand-in of the question that is open just now."""

    words: Words
    live: LiveStanding
    signer: Signer
    people: tuple[Person, ...]
    also: Also
    now: Callable[[], datetime]

    def others(self, link: Link) -> tuple[Person, ...]:
        """Who could answer instead."""
        return tuple(
            one for one in self.people if one.email.casefold() != link.recipient.casefold()
        )

    async def mine(self, link: Link) -> list[Delegation | Window]:
        """What this person said that still holds.

        Raises:
            UnavailableError: the store does not answer.
        """
        await self.live.look()
        return self.live.said_by(link.recipient, self.now())

    async def hand_over(
        self, question: Question, link: Link, to: str, span: timedelta, *, reason: str = ""
    ) -> Delegation:
        """Have somebody else answer for this person, also the question that the link is about.

        Raises:
            UnfitWordError: it cannot be said.
            UnavailableError: see ``mine``.
        """
        speaker = self._speaker(link, span, AWAY)
        word = delegation(
            speaker,
            of=link.recipient,
            to=to,
            until=speaker.at + span,
            people=[one.email for one in self.people],
            reason=reason,
        )
        said = await self._said(word)
        if isinstance(question, Approval) and question.open_at(speaker.at):
            person = next(one for one in self.people if one.email.casefold() == said.to)
            stand_in = Recipient(
                name=person.name,
                email=person.email,
                timezone=person.timezone,
                round="stand-in",
                stands_for=self._name(link.recipient),
            )
            await self.also(question.id, (stand_in,))
        return said

    async def allow(self, approval: Approval, link: Link, span: timedelta) -> Window:
        """Have this person's yes to a step count for others of the same runbook as well.

        Raises:
            UnfitWordError: it cannot be said, or no yes was said to the step.
            UnavailableError: see ``mine``.
        """
        if not may_allow(approval, link):
            raise UnfitWordError(NOT_ALLOWED)
        speaker = self._speaker(link, span, ALLOWED)
        return await self._said(
            window(
                speaker,
                approval.runbook,
                approval.runbook_seal,
                risk=approval.risk,
                until=speaker.at + span,
            )
        )

    async def end(self, link: Link, word_id: UUID) -> bool:
        """Have one of this person's words hold no more; false where there is none.

        Raises:
            UnavailableError: see ``mine``.
        """
        if word_id not in {word.id for word in await self.mine(link)}:
            return False
        ended = await self.words.end(word_id, by=link.recipient, at=self.now())
        await self.live.look()
        return ended

    def _name(self, email: str) -> str:
        names = {one.email.casefold(): one.name for one in self.people}
        return names.get(email.casefold(), email)

    def _speaker(self, link: Link, span: timedelta, offered: tuple[timedelta, ...]) -> Speaker:
        if not may_say(link):
            raise UnfitWordError("that takes a link of your own")
        if span not in offered:
            raise UnfitWordError("choose one of the times that are offered")
        return Speaker(uuid4(), link.recipient, link.channel.value, self.now())

    async def _said(self, word: W) -> W:
        signed = self.signer.signed_standing(word)
        await self.words.add(signed)
        await self.live.look()
        log.info("standing.said", kind=word.kind, word_id=str(word.id), by=word.by)
        return signed


def may_say(link: Link) -> bool:
    """Whether anything can be said in advance by a link: it has to be a person's own."""
    return link.channel in {Channel.EMAIL, Channel.CHAT}


def may_allow(approval: Approval, link: Link) -> bool:
    """Whether this person's yes to a step may be one to others of the same runbook."""
    said = approval.answer_of(link.recipient, link.channel)
    return (
        bool(approval.runbook_seal)
        and approval.risk is not Risk.CRITICAL
        and may_say(link)
        and said is not None
        and said.by.casefold() == link.recipient.casefold()
        and said.delegation is None
        and said.answer is Answer.APPROVE
    )
