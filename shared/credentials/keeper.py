"""Knows the secrets that a service refers to: fetched beside its work, so that none waits."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

import structlog
from pydantic import SecretStr

from shared.credentials.credential import Values
from shared.credentials.vault import Leased
from shared.errors import UnavailableError
from shared.masking import Mask
from shared.secrets import SecretMissingError, SecretRef, VaultPlace

log = structlog.get_logger(__name__)

#: How often it is looked whether something was rotated.
PAUSE: Final = timedelta(seconds=2)
#: The use of a credential is noted once in this time.
NOTED_AGAIN: Final = timedelta(minutes=1)
#: A lease is renewed when no more than this part of it is left.
_RENEW_AT: Final = 3


class Stored(Protocol):
    """See ``shared.credentials.store.MongoCredentials``."""

    async def changed(self, known: Mapping[str, int]) -> tuple[dict[str, Values], set[str]]: ...
    async def used(self, names: set[str], *, by: str, now: datetime) -> None: ...


class Vault(Protocol):
    """See ``shared.credentials.vault.Vault``."""

    async def read(self, place: VaultPlace, now: datetime) -> Leased: ...
    async def renew(self, place: VaultPlace, lease: Leased, now: datetime) -> Leased: ...


@dataclass
class _Fetched:
    """A value of Vault, when it is due again, or why it is not known."""

    lease: Leased | None = None
    due: datetime | None = None
    error: str = ""


@dataclass
class Secrets:
    """The secrets of one service, which is called ``by``.

    ``mask`` learns each of them before it can be read, and forgets none: commands that began with
    an old one may still write it. ``rotated`` is told of the places that have another value than
    before, as references are written.
    """

    by: str
    mask: Mask
    now: Callable[[], datetime]
    stored: Stored | None = None
    vault: Vault | None = None
    rotated: list[Callable[[set[str]], None]] = field(default_factory=list)
    _refs: dict[str, SecretRef] = field(default_factory=dict)
    _values: dict[str, Values] = field(default_factory=dict)
    _fetched: dict[VaultPlace, _Fetched] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _noted: dict[str, datetime] = field(default_factory=dict)

    def bind(self, refs: Iterable[SecretRef]) -> None:
        """Be the one who resolves these; those that are bound already stay so."""
        for ref in refs:
            self._refs[str(ref)] = ref
            if ref.is_kept and not ref.is_bound:
                ref.bind(partial(self._read, ref))

    async def look(self) -> None:
        """See what is new, and tell of it.

        Raises:
            UnavailableError: the store does not answer; what was known stands.
        """
        await self._look_in_store()
        for place in {ref.vault for ref in self._refs.values() if ref.vault is not None}:
            await self._look_in_vault(place)
        self._compare()
        await self._note_uses()

    async def _look_in_store(self) -> None:
        if self.stored is None:
            return
        known = {name: values.revision for name, values in self._values.items()}
        fresh, gone = await self.stored.changed(known)
        for name, values in fresh.items():
            kept = (*values.before, *((values.now,) if values.now else ()))
            self.mask.learn(each.get_secret_value() for each in kept)
            self._values[name] = values
            if values.problem:
                log.warning("credential.not_opened", reason=values.problem)
        for name in gone:
            del self._values[name]

    async def _look_in_vault(self, place: VaultPlace) -> None:
        if self.vault is None:
            return
        known, now = self._fetched.setdefault(place, _Fetched()), self.now()
        if known.due is not None and now < known.due:
            return
        try:
            held = known.lease
            is_held = held is not None and bool(held.lease_id)
            lease = await (
                self.vault.renew(place, held, now)
                if held is not None and is_held
                else self.vault.read(place, now)
            )
        except SecretMissingError as error:
            self._fetched[place] = _Fetched(due=now + PAUSE, error=str(error))
        except UnavailableError as error:
            # The last value stands as long as it may; what has no lease does not end by itself.
            if not known.error:
                log.warning("vault.away", reason=str(error))
            ended = known.lease and known.lease.lease_id and known.lease.until <= now
            known.lease = None if ended else known.lease
            known.error, known.due = str(error), now + PAUSE
        else:
            self.mask.learn([lease.value.get_secret_value()])
            due = now + (lease.until - now) * (1 - 1 / _RENEW_AT) if lease.lease_id else lease.until
            self._fetched[place] = _Fetched(lease, due)

    def _compare(self) -> None:
        """Tell of what leads to another value than the last time."""
        changed = set()
        for place, ref in self._refs.items():
            try:
                value = self._resolved(ref).get_secret_value()
            except SecretMissingError:
                # Whoever needs it says that it is missing.
                continue
            before = self._seen.get(place)
            if before != value:
                self.mask.learn([value])
                self._seen[place] = value
                changed |= {place} if before is not None else set()
        if changed:
            log.info("secrets.rotated", places=sorted(changed))
            for told in self.rotated:
                told(changed)

    async def _note_uses(self) -> None:
        if self.stored is None:
            return
        now = self.now()
        due = {
            name
            for name in self._used
            if name not in self._noted or now - self._noted[name] >= NOTED_AGAIN
        }
        if due:
            await self.stored.used(due, by=self.by, now=now)
            self._noted.update(dict.fromkeys(due, now))
        self._used.clear()

    def _read(self, ref: SecretRef) -> SecretStr:
        if ref.credential is not None:
            self._used.add(ref.credential)
        return self._found(ref)

    def _resolved(self, ref: SecretRef) -> SecretStr:
        """What a reference leads to, without its counting as a use."""
        used = set(self._used)
        try:
            return ref.read()
        finally:
            self._used = used

    def _found(self, ref: SecretRef) -> SecretStr:
        if ref.credential is not None:
            return self._stored(ref.credential)
        if ref.vault is not None:
            return self._from_vault(ref.vault)
        return ref.read()

    def _stored(self, name: str) -> SecretStr:
        if self.stored is None:
            raise SecretMissingError(
                f"credential {name}: HANDRAIL_SECRET_KEY is not set, which opens credentials"
            )
        values = self._values.get(name)
        if values is not None and values.problem:
            raise SecretMissingError(values.problem)
        if values is None or values.now is None:
            raise SecretMissingError(
                f"credential {name}: there is none; `handrail secret set {name}` makes one"
            )
        return values.now

    def _from_vault(self, place: VaultPlace) -> SecretStr:
        if self.vault is None:
            raise SecretMissingError(f"vault {place}: HANDRAIL_VAULT_ADDR is not set")
        known = self._fetched.get(place, _Fetched(error=f"vault {place}: not asked for yet"))
        if known.lease is None:
            raise SecretMissingError(known.error)
        return known.lease.value
