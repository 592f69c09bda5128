"""Secrets as a service has them: known before they are read, and followed when they are rotated."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from shared.credentials.credential import Values
from shared.credentials.keeper import NOTED_AGAIN, Secrets
from shared.credentials.vault import Leased
from shared.errors import UnavailableError
from shared.masking import Mask
from shared.secrets import SecretMissingError, SecretRef

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VAULT = {"path": "web/db", "key": "password"}


class Stored:
    """A store in memory."""

    def __init__(self, **values):
        self.values = {name: Values(1, SecretStr(value)) for name, value in values.items()}
        self.noted = []

    async def changed(self, known):
        new = {n: v for n, v in self.values.items() if known.get(n) != v.revision}
        return new, set(known) - set(self.values)

    async def used(self, names, *, by, now):
        self.noted.append((set(names), by, now))

    def rotate(self, name, value):
        old = self.values[name]
        self.values[name] = Values(old.revision + 1, SecretStr(value), (*old.before, old.now))


class Vault:
    """A Vault in memory, which may be away."""

    def __init__(self, value, lease_id="", lasts=60):
        self.value, self.lease_id, self.lasts = value, lease_id, lasts
        self.away, self.asked = False, []

    async def read(self, place, now):
        return self._answer("read", now)

    async def renew(self, place, lease, now):
        return self._answer("renew", now)

    def _answer(self, what, now):
        self.asked.append(what)
        if self.away:
            raise UnavailableError("Vault does not answer")
        until = now + timedelta(seconds=self.lasts)
        return Leased(SecretStr(self.value), until, self.lease_id)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def secrets(*refs, clock=None, **keepers):
    made = Secrets("executor", Mask([]), clock or Clock(), **keepers)
    made.bind(refs)
    return made


async def test_a_credential_is_read_after_a_look_and_is_masked():
    ref = SecretRef(credential="db")
    mine = secrets(ref, stored=Stored(db="hunter22"))
    with pytest.raises(SecretMissingError, match="credential db: there is none"):
        ref.read()
    await mine.look()
    assert ref.read().get_secret_value() == "hunter22"
    assert mine.mask("it is hunter22") == "it is •••"


async def test_a_rotation_is_told_and_both_values_are_masked():
    ref, stored, told = SecretRef(credential="db"), Stored(db="hunter22"), []
    mine = secrets(ref, stored=stored)
    mine.rotated.append(told.append)
    await mine.look()
    stored.rotate("db", "geheim99")
    await mine.look()
    await mine.look()
    assert told == [{"credential db"}]
    assert ref.read().get_secret_value() == "geheim99"
    assert mine.mask("hunter22 geheim99") == "••• •••"


async def test_a_service_that_starts_after_a_rotation_masks_the_old_value_too():
    stored = Stored(db="hunter22")
    stored.rotate("db", "geheim99")
    mine = secrets(stored=stored)
    await mine.look()
    assert mine.mask("hunter22") == "•••"


async def test_a_removed_credential_is_read_no_more():
    ref, stored = SecretRef(credential="db"), Stored(db="hunter22")
    mine = secrets(ref, stored=stored)
    await mine.look()
    stored.values.clear()
    await mine.look()
    with pytest.raises(SecretMissingError, match="handrail secret set db"):
        ref.read()


async def test_only_being_read_counts_as_a_use_and_not_more_than_once_a_while():
    ref, stored, clock = SecretRef(credential="db"), Stored(db="hunter22"), Clock()
    mine = secrets(ref, stored=stored, clock=clock)
    await mine.look()
    assert stored.noted == []
    for _ in range(2):
        ref.read()
        await mine.look()
    assert stored.noted == [({"db"}, "executor", NOW)]
    clock.now += NOTED_AGAIN
    ref.read()
    await mine.look()
    assert len(stored.noted) == 2


async def test_without_the_key_a_credential_says_what_is_missing():
    ref = SecretRef(credential="db")
    await secrets(ref).look()
    with pytest.raises(SecretMissingError, match="HANDRAIL_SECRET_KEY is not set"):
        ref.read()


async def test_without_a_vault_a_reference_says_what_is_missing():
    ref = SecretRef(vault=VAULT)
    await secrets(ref).look()
    with pytest.raises(SecretMissingError, match="HANDRAIL_VAULT_ADDR is not set"):
        ref.read()


async def test_vault_is_asked_again_only_when_it_is_time():
    ref, vault, clock = SecretRef(vault=VAULT), Vault("hunter22"), Clock()
    mine = secrets(ref, vault=vault, clock=clock)
    await mine.look()
    await mine.look()
    assert (ref.read().get_secret_value(), vault.asked) == ("hunter22", ["read"])
    clock.now += timedelta(seconds=61)
    vault.value = "hunter23"
    await mine.look()
    assert (ref.read().get_secret_value(), vault.asked) == ("hunter23", ["read", "read"])


async def test_a_lease_is_renewed_before_it_ends():
    vault, clock = Vault("hunter22", "lease", 300), Clock()
    mine = secrets(SecretRef(vault=VAULT), vault=vault, clock=clock)
    await mine.look()
    clock.now += timedelta(seconds=100)
    await mine.look()
    assert vault.asked == ["read"]
    clock.now += timedelta(seconds=150)
    await mine.look()
    assert vault.asked == ["read", "renew"]


@pytest.mark.parametrize(("lease_id", "stays"), [("", True), ("lease", False)])
async def test_while_vault_is_away_what_has_no_lease_stays_and_a_lease_ends(lease_id, stays):
    ref, vault, clock = SecretRef(vault=VAULT), Vault("hunter22", lease_id), Clock()
    mine = secrets(ref, vault=vault, clock=clock)
    await mine.look()
    vault.away = True
    clock.now += timedelta(seconds=61)
    await mine.look()
    if stays:
        assert ref.read().get_secret_value() == "hunter22"
    else:
        with pytest.raises(SecretMissingError, match="Vault does not answer"):
            ref.read()


async def test_a_file_that_changes_is_a_rotation(tmp_path):
    path, told = tmp_path / "secret", []
    path.write_text("hunter22")
    mine = secrets(SecretRef(file=path))
    mine.rotated.append(told.append)
    await mine.look()
    path.write_text("geheim99")
    await mine.look()
    assert told == [{str(path)}]
    assert mine.mask("hunter22 geheim99") == "••• •••"
