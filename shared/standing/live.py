"""The words that stand now, looked up again and again, so that asking for one costs nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from shared.events import Delegation, Standing, Window
from shared.signing import ForgedDecisionError, Signer
from shared.standing.store import Kept, word_of

log = structlog.get_logger(__name__)

#: How often it is looked what people said, or took back.
PAUSE: Final = timedelta(seconds=1)


class Words(Protocol):
    """See ``store.MongoStanding``."""

    async def all(self, *, after: datetime | None = None) -> list[Kept]: ...


class LiveStanding:
    """What stands by the last look; a word that is not signed is left out, and told in the log."""

    def __init__(self, words: Words, signer: Signer, now: Callable[[], datetime]) -> None:
        self._words = words
        self._signer = signer
        self._now = now
        self._told: set[object] = set()
        self._delegations: tuple[Delegation, ...] = ()
        self._windows: tuple[Window, ...] = ()

    async def look(self) -> None:
        """See what was said since, and what was ended.

        Raises:
            UnavailableError: the store does not answer; what was known stands.
        """
        found = [self._believed(each) for each in await self._words.all(after=self._now())]
        self._delegations = tuple(word for word in found if isinstance(word, Delegation))
        self._windows = tuple(word for word in found if isinstance(word, Window))

    def windows(self, runbook: str, at: datetime) -> list[Window]:
        """Those of a runbook that stand at a time."""
        if not self._windows:
            return []
        return [one for one in self._windows if one.runbook == runbook and one.holds_at(at)]

    def to(self, person: str, at: datetime) -> list[Delegation]:
        """Those by which this person may answer for others at a time."""
        return [
            one for one in self._delegations if one.to == person.casefold() and one.holds_at(at)
        ]

    def of(self, person: str, at: datetime) -> list[Delegation]:
        """Those by which others may answer for this person at a time."""
        if not self._delegations:
            return []
        return [
            one for one in self._delegations if one.of == person.casefold() and one.holds_at(at)
        ]

    def said_by(self, person: str, at: datetime) -> list[Delegation | Window]:
        """What stands of this person's words, and of what was said in their place."""
        who = person.casefold()
        return [
            *(one for one in self._delegations if one.of == who and one.holds_at(at)),
            *(one for one in self._windows if one.by.casefold() == who and one.holds_at(at)),
        ]

    def _believed(self, kept: Kept) -> Standing | None:
        try:
            word = word_of(kept)
            self._signer.check_standing(word)
        except (ValueError, ForgedDecisionError) as error:
            if kept.id not in self._told:
                self._told.add(kept.id)
                log.warning("standing.left_out", word_id=str(kept.id), reason=type(error).__name__)
            return None
        return word
