"""Tells people by mail of each word that was said in their name, or ended: it may not be theirs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.notifier.channels.message import Telling
from services.notifier.channels.news import News
from services.notifier.delivery import Mark
from services.notifier.recipients import Recipient, Status
from services.notifier.rendering import moment
from shared.config import Person
from shared.config.channels import Kind
from shared.events import Delegation, Window
from shared.events.envelope import derived_id
from shared.signing import ForgedDecisionError, Signer
from shared.standing.store import Kept, word_of

MADE: Final = "made"
ENDED: Final = "ended"
_HEADS: Final = {MADE: "Said in your name", ENDED: "Ended"}


class Words(Protocol):
    """See ``shared.standing.store.MongoStanding``."""

    async def untold(self, now: datetime) -> list[Kept]: ...
    async def claim(self, word_id: UUID, what: str, *, now: datetime) -> bool: ...
    async def mark_told(self, word_id: UUID, what: str) -> None: ...


class Post(Protocol):
    """See ``services.notifier.delivery.Postman``."""

    async def deliver(
        self, messages: list[Telling], *, now: datetime, mark: Mark
    ) -> tuple[Recipient, ...]: ...


@dataclass(frozen=True)
class Herald:
    """Looks again and again, so that also what was said at a terminal is told."""

    words: Words
    signer: Signer
    people: tuple[Person, ...]
    post: Post
    now: Callable[[], datetime]

    async def look(self) -> None:
        """Tell of what was said or ended since; what no mail server takes is tried again.

        Raises:
            UnavailableError: the store does not answer.
        """
        for kept in await self.words.untold(self.now()):
            word = self._believed(kept)
            what = ENDED if MADE in kept.told else MADE
            if word is not None and await self.words.claim(word.id, what, now=self.now()):
                await self._tell(word, what)

    async def _tell(self, word: Delegation | Window, what: str) -> None:
        letters = [self._letter(word, what, person) for person in self._whose(word)]
        told = await self.post.deliver(letters, now=self.now(), mark=_no)
        if all(one.status is not Status.QUEUED for one in told):
            await self.words.mark_told(word.id, what)

    def _believed(self, kept: Kept) -> Delegation | Window | None:
        """The word, if it counts for anything; that it does not is told by ``LiveStanding``."""
        try:
            word = word_of(kept)
            self.signer.check_standing(word)
        except (ValueError, ForgedDecisionError):
            return None
        return word if isinstance(word, Delegation | Window) else None

    def _whose(self, word: Delegation | Window) -> list[Person]:
        """In whose name it is; of a login at the terminal all whom it may stand for."""
        who = (word.of if isinstance(word, Delegation) else word.by).casefold()
        return [
            one
            for one in self.people
            if who in {one.email.casefold(), one.email.partition("@")[0].casefold()}
        ]

    def _letter(self, word: Delegation | Window, what: str, person: Person) -> Telling:
        news = News(
            id=derived_id(word.id, what),
            kind=Kind.NEEDS_LOOK,
            ticket_id=word.id,
            title=f"{self._means(word)} until {moment(word.until, person.timezone)}",
            at=self.now(),
            summary=_summary(word, what),
            words=_HEADS[what],
            about="Said in advance:",
        )
        return Telling(
            news, Recipient(name=person.name, email=person.email, timezone=person.timezone)
        )

    def _means(self, word: Delegation | Window) -> str:
        if isinstance(word, Delegation):
            names = {one.email.casefold(): one.name for one in self.people}
            return f"{names.get(word.to, word.to)} answers for you"
        where = f" on {word.target}" if word.target else ""
        return f"steps of {word.runbook} up to {word.risk} risk{where} have your yes"


def _summary(word: Delegation | Window, what: str) -> str:
    if what == ENDED:
        return f"{word.ended_by} ended it: it does not hold any more."
    return (
        f"{word.by} said it ({word.channel}). If that was not you, somebody else may have a link "
        f"of yours: end it with `handrail approvals end {word.mark}`, or by what you say in "
        "advance in any question to you, and tell who runs Handrail."
    )


async def _no(recipient: Recipient) -> None:
    """What is kept is whether all were told; see ``mark_told``."""
