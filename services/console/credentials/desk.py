"""Where credentials are kept, rotated and removed: over what was seen, and written down."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

from services.console.api.conditions import Conditions, overtaken
from services.console.api.problem import Refusal
from services.console.audit.entry import Deed, Witness
from services.console.credentials.credential import CredentialView, etag, views
from services.console.targets.target import TargetView
from services.console.tokens.token import Caller
from shared.credentials.credential import (
    Credential,
    CredentialChangedError,
    CredentialExistsError,
    NoCredentialError,
)
from shared.secrets import SecretRef


class Kept(Protocol):
    """See ``shared.credentials.store.MongoCredentials``."""

    async def all(self) -> list[Credential]: ...
    async def create(self, name: str, value: SecretStr, *, by: str, now: datetime) -> None: ...
    async def rotate(
        self, name: str, value: SecretStr, *, by: str, now: datetime, revision: int | None = None
    ) -> None: ...
    async def remove(
        self, name: str, *, by: str, now: datetime, revision: int | None = None
    ) -> None: ...


@dataclass(frozen=True)
class CredentialDesk:
    """``file`` are the credentials of handrail.yaml, which stay as they are."""

    file: Mapping[str, SecretRef]
    kept: Kept
    targets: Callable[[], Awaitable[Mapping[str, TargetView]]]
    can_seal: bool
    witness: Witness
    now: Callable[[], datetime]

    async def shown(self) -> dict[str, CredentialView]:
        """What is told of each."""
        return views(await self.kept.all(), self.file, await self.targets())

    async def one(self, name: str) -> tuple[CredentialView, str | None]:
        """What is told of one, and its ETag where it can be changed here.

        Raises:
            Refusal: there is none of that name.
        """
        shown = (await self.shown()).get(name)
        if shown is None:
            raise _no_such()
        return shown, None if name in self.file else etag(await self._stored(name))

    async def put(
        self, name: str, value: SecretStr, caller: Caller, conditions: Conditions
    ) -> bool:
        """Keep a new one, or rotate one; whether it is new.

        Raises:
            Refusal: it cannot be, or is not what the conditions ask for.
            UnavailableError: the store does not answer.
        """
        before = await self._stored(name)
        conditions.check(etag(before))
        if not self.can_seal:
            raise Refusal(503, "HANDRAIL_SECRET_KEY is not set for the console: nothing is kept")
        deed = Deed.CREDENTIAL_ROTATED if before else Deed.CREDENTIAL_CREATED
        async with self.witness.of(caller, deed, name):
            with _not_overtaken(conditions):
                if before is None:
                    await self.kept.create(name, value, by=caller.by, now=self.now())
                else:
                    seen = _seen(before, conditions)
                    await self.kept.rotate(name, value, by=caller.by, now=self.now(), revision=seen)
        return before is None

    async def remove(
        self, name: str, caller: Caller, conditions: Conditions, *, force: bool
    ) -> None:
        """Have one no more; one that targets name only by ``force``.

        Raises:
            Refusal: it cannot be, or is not what the conditions ask for.
            UnavailableError: the store does not answer.
        """
        before = await self._stored(name)
        conditions.check(etag(before))
        if before is None:
            raise _no_such()
        named_by = (await self.shown())[name].targets
        if named_by and not force:
            raise Refusal(409, f"targets name it: {', '.join(named_by)}; or say ?force=true")
        async with self.witness.of(caller, Deed.CREDENTIAL_REMOVED, name):
            with _not_overtaken(conditions):
                seen = _seen(before, conditions)
                await self.kept.remove(name, by=caller.by, now=self.now(), revision=seen)

    async def _stored(self, name: str) -> Credential | None:
        """The one that may be changed here."""
        if name in self.file:
            raise Refusal(409, f"handrail.yaml declares the credential {name}: it is changed there")
        return next((each for each in await self.kept.all() if each.name == name), None)


def _seen(before: Credential, conditions: Conditions) -> int | None:
    """The revision that it has to have still."""
    return before.revision if conditions.are_there else None


@contextmanager
def _not_overtaken(conditions: Conditions) -> Iterator[None]:
    try:
        yield
    except (CredentialExistsError, NoCredentialError, CredentialChangedError):
        raise overtaken(conditions) from None


def _no_such() -> Refusal:
    return Refusal(404, "there is no credential of that name")
