"""What a person says in advance at the terminal, signed with the installation's secret."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from deploy.connection import Place, storing
from deploy.library import books_in, tell_refused
from deploy.person import person
from deploy.speaking import NotDoneError, signer_of
from services.notifier.links import Channel
from shared.config import load_config
from shared.events import Delegation, Standing, Window
from shared.lifecycle import Risk
from shared.runbook.runbook import Runbook
from shared.signing import ForgedDecisionError, Signer
from shared.standing.making import Speaker, delegation, window
from shared.standing.store import Kept, MongoStanding, word_of
from shared.store import Database

W = TypeVar("W", Delegation, Window)


@dataclass(frozen=True)
class Limits:
    """How far a window goes."""

    risk: Risk
    until: datetime
    target: str | None = None
    times: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Known:
    """A word as it stands; ``believed`` says that it carries the signature of this installation."""

    word: Standing
    kept: Kept
    believed: bool

    def holds_at(self, at: datetime) -> bool:
        """Whether it counts at a time."""
        left = not isinstance(self.word, Window) or (
            self.word.times is None or self.kept.used < self.word.times
        )
        return self.believed and left and self.word.holds_at(at)


@dataclass(frozen=True)
class Standings:
    """What people said in advance in one installation."""

    db: Database
    place: Place
    signer: Signer
    environment: Mapping[str, str]

    async def hand_over(
        self, *, of: str | None, to: str, until: datetime, reason: str
    ) -> Delegation:
        """Have ``to`` answer for ``of``, or for whoever sits here, where one person has that name.

        Raises:
            UnfitWordError: it cannot be said.
            NotDoneError: it is not clear for whom.
        """
        people = load_config(self.place.home.config(self.environment)).people
        emails = [each.email for each in people]
        word = delegation(
            _speaker(), of=of or _here(emails), to=to, until=until, people=emails, reason=reason
        )
        return await self._said(word)

    async def allow(self, name: str, limits: Limits) -> Window:
        """Have the steps of a runbook, as its text is now, run without asking for a while.

        Raises:
            UnfitWordError: it cannot be said.
            NotDoneError: there is no such runbook.
        """
        runbook = await self._runbook(name)
        word = window(
            _speaker(),
            runbook.ref.name,
            runbook.ref.seal,
            risk=limits.risk,
            until=limits.until,
            target=limits.target,
            times=limits.times,
            reason=limits.reason,
        )
        return await self._said(word)

    async def known(self) -> list[Known]:
        """All that is kept, also what is over."""
        return [one for each in await MongoStanding(self.db).all() if (one := self._known(each))]

    async def end(self, prefix: str) -> Standing:
        """Have a word hold no more.

        Raises:
            NotDoneError: there is no such word that still holds, or there are several.
        """
        now = datetime.now(UTC)
        digits = prefix.replace("-", "").lower()
        found = [
            one.word
            for one in await self.known()
            if digits and one.word.id.hex.startswith(digits) and one.word.holds_at(now)
        ]
        if len(found) != 1:
            which = f"more than one begins with {prefix}" if found else f"nothing {prefix} holds"
            raise NotDoneError(f"{which}: see `handrail approvals windows` and `… delegations`")
        await MongoStanding(self.db).end(found[0].id, by=person(), at=now)
        return found[0]

    async def _runbook(self, name: str) -> Runbook:
        library = (await books_in(self.db, self.place)).library()
        runbook = library.get(name)
        if runbook is None:
            tell_refused(library)
            raise NotDoneError(f"there is no runbook {name} that can be used")
        return runbook

    async def _said(self, word: W) -> W:
        signed = self.signer.signed_standing(word)
        await MongoStanding(self.db).add(signed)
        return signed

    def _known(self, kept: Kept) -> Known | None:
        try:
            word = word_of(kept)
        except ValueError:
            return None
        try:
            self.signer.check_standing(word)
        except ForgedDecisionError:
            return Known(word, kept, believed=False)
        return Known(word, kept, believed=True)


@asynccontextmanager
async def standings(environment: Mapping[str, str] = os.environ) -> AsyncIterator[Standings]:
    """The store of an installation, and its signature.

    Raises:
        SettingsError: the installation's secret is not known here.
        NotRunningError: the store is nowhere, or does not answer.
    """
    place = Place.of(environment)
    signer = signer_of(place, environment)
    async with storing(place) as db:
        yield Standings(db, place, signer, environment)


def _speaker() -> Speaker:
    return Speaker(uuid4(), person(), Channel.TERMINAL.value, datetime.now(UTC))


def _here(emails: list[str]) -> str:
    mine = [email for email in emails if email.partition("@")[0].casefold() == person().casefold()]
    if len(mine) != 1:
        raise NotDoneError("say for whom: --from ADDRESS")
    return mine[0]
