"""Sends one-time codes to people, and knows them again."""

import secrets
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import uuid4

import structlog

from services.notifier.channels.directory import Directory
from services.notifier.channels.message import Telling
from services.notifier.channels.news import News
from services.notifier.codes.store import CODES_MOST, GOOD_FOR, PAUSE, Tried
from services.notifier.delivery import Mark
from services.notifier.links import Channel, Link
from services.notifier.question import Question
from services.notifier.recipients import Recipient, Status
from shared.config import Person
from shared.config.approvals import Confirm
from shared.config.channels import EMAIL, Kind, SlackChannel, TelegramChannel
from shared.errors import HandrailError
from shared.lifecycle import Risk
from shared.signing import Signer

log = structlog.get_logger(__name__)

DIGITS: Final = 6
_MINUTES: Final = GOOD_FOR.seconds // 60


class Purpose(StrEnum):
    """What a code confirms; one for one of these is good for no other."""

    APPROVE = "approve"
    AGAIN = "run again"
    IN_ADVANCE = "in advance"


class CodeNeededError(HandrailError):
    """The answer does not count before a code confirms it; the text says where that is."""


class Kept(Protocol):
    """See ``store.MongoCodes``."""

    async def replace(self, about: str, digest: str, now: datetime) -> bool: ...
    async def withdraw(self, about: str, digest: str, now: datetime) -> None: ...
    async def tried(self, about: str, digest: str, now: datetime) -> Tried: ...


class Post(Protocol):
    """See ``services.notifier.delivery.Postman``."""

    async def deliver(
        self, messages: list[Telling], *, now: datetime, mark: Mark
    ) -> tuple[Recipient, ...]: ...


class Codes:
    """Confirms a yes from the risk on that ``confirm`` names, none where it names none.

    What is said in advance is confirmed always: a link that came into other hands is good for its
    own question at most, not for what is asked next week.
    """

    def __init__(
        self,
        confirm: Confirm | None,
        *,
        kept: Kept,
        signer: Signer,
        post: Post,
        directory: Directory,
        now: Callable[[], datetime],
    ) -> None:
        self._confirm = confirm
        self._kept = kept
        self._signer = signer
        self._post = post
        self._directory = directory
        self._now = now

    def wanted(self, link: Link, risk: Risk | None = None) -> bool:
        """Whether a yes to a step of this risk has to be confirmed; without one, a word in advance.

        A chat has signed who pressed its button, and the terminal holds the installation's own
        secret: what comes from there is not asked again.
        """
        if link.channel not in {Channel.EMAIL, Channel.CHAT}:
            return False
        if risk is None:
            return True
        return self._confirm is not None and risk.rank >= self._confirm.from_risk.rank

    def would_count(self, question: Question, link: Link) -> bool:
        """Whether an answer would still count; else no code is sent for it."""
        answered = question.answer_of(link.recipient, link.channel)
        return answered is None and question.open_at(self._now())

    async def confirmed(
        self, question: Question, link: Link, purpose: Purpose, code: str | None
    ) -> None:
        """Return where the code is right; it is good for this once.

        Raises:
            CodeNeededError: it is not, or there is none yet: then one is sent.
            UnavailableError: the store does not answer.
        """
        about = _about(question, link, purpose)
        if code is None:
            raise CodeNeededError(await self._sent(question, link, about))
        digits = "".join(code.split())
        digest = self._signer.code_digest(digits, about=about)
        match await self._kept.tried(about, digest, self._now()):
            case Tried.WRONG:
                raise CodeNeededError("that is not the code; look again, and mind the digits")
            case Tried.SPENT:
                raise CodeNeededError(
                    "that code is not good any more: it is too old, was used, or was tried too "
                    "often; have a new one sent"
                )

    async def _sent(self, question: Question, link: Link, about: str) -> str:
        """Send a code; what the person is told of it."""
        person = self._person(link)
        if person is None:
            return "you are not under `people` any more, so no code can be sent to you"
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        digest = self._signer.code_digest(code, about=about)
        if not await self._kept.replace(about, digest, self._now()):
            return (
                f"a code was sent before; another one comes after {PAUSE.seconds} seconds at the "
                f"earliest, and {CODES_MOST} in all"
            )
        to = self._other_way(person, link)
        told = await self._post.deliver([_message(question, to, code)], now=self._now(), mark=_no)
        if any(one.status is Status.SENT for one in told):
            log.info("code.sent", approval_id=str(question.id), channel=to.over)
            return f"a code was sent to you by {to.over}; it is good for {_MINUTES} minutes"
        await self._kept.withdraw(about, digest, self._now())
        return f"the code could not be sent by {to.over}: try again in a moment"

    def _person(self, link: Link) -> Person | None:
        wanted = link.recipient.casefold()
        return next((p for p in self._directory.people if p.email.casefold() == wanted), None)

    def _other_way(self, person: Person, link: Link) -> Recipient:
        """Another channel than the link's, where that leads to the person; else a mail."""
        mail = Recipient(name=person.name, email=person.email, timezone=person.timezone)
        if link.channel is not Channel.EMAIL:
            return mail
        for name, config in self._directory.channels.items():
            known = (isinstance(config, SlackChannel) and person.slack) or (
                isinstance(config, TelegramChannel) and person.telegram is not None
            )
            to = self._directory.person(person, name) if known and name != EMAIL else None
            if to is not None:
                return to
        return mail


def _about(question: Question, link: Link, purpose: Purpose) -> str:
    return f"{question.id}/{question.bound_to}/{link.recipient.casefold()}/{purpose}"


def _message(question: Question, to: Recipient, code: str) -> Telling:
    news = News(
        id=uuid4(),
        kind=Kind.NEEDS_LOOK,
        ticket_id=question.ticket_id,
        title=question.ticket_title,
        at=question.created_at,
        summary=f"{code} confirms what you said on the page. It is good for {_MINUTES} minutes. "
        "If you said nothing, tell nobody: somebody else has your link.",
        words="Your code",
    )
    return Telling(news, to)


async def _no(recipient: Recipient) -> None:
    """Nothing is kept of who was sent a code: the next one is another message."""
