"""The record of what was changed through the API and by ``handrail token``."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID, uuid4

from services.console.api.problem import Refusal
from services.console.tokens.token import Caller


class Deed(StrEnum):
    """What somebody did."""

    TARGET_DECLARED = "target.declared"
    TARGET_REPLACED = "target.replaced"
    TARGET_REMOVED = "target.removed"
    CREDENTIAL_CREATED = "credential.created"
    CREDENTIAL_ROTATED = "credential.rotated"
    CREDENTIAL_REMOVED = "credential.removed"
    TOKEN_ADDED = "token.added"  # noqa: S105 no password
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 no password


class Outcome(StrEnum):
    """What came of it; what only began may have been done, by a process that died."""

    BEGUN = "begun"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True)
class Entry:
    """One line of the record: written once, never changed.

    ``detail`` says what was changed into what, or why it was refused; never a secret. ``follows``
    is the line of the same deed that was written when it began.
    """

    at: datetime
    by: str
    deed: Deed
    about: str
    outcome: Outcome = Outcome.DONE
    token_id: str = ""
    address: str = ""
    detail: str = ""
    follows: UUID | None = None
    id: UUID = field(default_factory=uuid4)


class Trail(Protocol):
    """See ``audit.store.MongoTrail``."""

    async def add(self, entry: Entry) -> None: ...


@dataclass(frozen=True)
class Witness:
    """Writes down what callers do before it is done, and again what came of it."""

    trail: Trail
    now: Callable[[], datetime]

    @asynccontextmanager
    async def of(
        self, caller: Caller, deed: Deed, about: str, *, detail: str = ""
    ) -> AsyncIterator[None]:
        """Nothing is done that could not be written down.

        Raises:
            UnavailableError: it could not be.
        """
        begun = Entry(
            self.now(),
            caller.by,
            deed,
            about,
            Outcome.BEGUN,
            token_id=caller.token_id,
            address=caller.address,
            detail=detail,
        )
        await self.trail.add(begun)
        try:
            yield
        except Refusal as refusal:
            await self.trail.add(self._end(begun, Outcome.REFUSED, str(refusal)))
            raise
        await self.trail.add(self._end(begun, Outcome.DONE))

    def _end(self, begun: Entry, outcome: Outcome, detail: str = "") -> Entry:
        end = replace(begun, at=self.now(), outcome=outcome, follows=begun.id, id=uuid4())
        return replace(end, detail=detail)
