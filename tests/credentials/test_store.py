"""Credentials in MongoDB."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from shared.credentials.credential import (
    MASKED_FOR,
    CredentialExistsError,
    Did,
    NoCredentialError,
)
from shared.credentials.sealing import Sealer
from shared.credentials.store import MongoCredentials

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD, NEW = SecretStr("o" * 40), SecretStr("n" * 40)


@pytest.fixture
async def store(db):
    made = MongoCredentials(db, Sealer([OLD]))
    await made.prepare()
    return made


async def create(store, name="db", value="hunter22"):
    await store.create(name, SecretStr(value), by="ann", now=NOW)


def shown(values):
    now = values.now.get_secret_value() if values.now else None
    return now, [each.get_secret_value() for each in values.before]


async def test_a_credential_comes_back_and_lies_there_encrypted(store, db):
    await create(store)
    values, _ = await store.changed({})
    assert shown(values["db"]) == ("hunter22", [])
    assert "hunter22" not in str(await db.get_collection("credentials").find().to_list(None))


async def test_what_is_told_of_one_is_never_its_value(store):
    await create(store)
    await store.rotate("db", SecretStr("hunter23"), by="bob", now=NOW + timedelta(hours=1))
    await store.used({"db"}, by="executor", now=NOW + timedelta(hours=2))
    (told,) = await store.all()
    assert (told.created_by, told.rotated_by, told.used_by) == ("ann", "bob", "executor")
    assert told.used_at == NOW + timedelta(hours=2)
    assert "hunter" not in repr(told)
    assert [deed.did for deed in await store.deeds("db")] == [Did.CREATED, Did.ROTATED]


async def test_a_second_one_of_a_name_is_refused(store):
    await create(store)
    with pytest.raises(CredentialExistsError, match="handrail secret rotate db"):
        await create(store, value="other")
    assert shown((await store.changed({}))[0]["db"]) == ("hunter22", [])


async def test_after_a_rotation_the_old_value_is_known_for_a_while(store):
    await create(store)
    await store.rotate("db", SecretStr("hunter23"), by="bob", now=NOW)
    assert shown((await store.changed({}))[0]["db"]) == ("hunter23", ["hunter22"])
    await store.rotate("db", SecretStr("hunter24"), by="bob", now=NOW + 2 * MASKED_FOR)
    assert shown((await store.changed({}))[0]["db"]) == ("hunter24", ["hunter23"])


async def test_only_what_changed_is_told(store):
    await create(store)
    await create(store, "other")
    known = {name: each.revision for name, each in (await store.changed({}))[0].items()}
    await store.rotate("db", SecretStr("hunter23"), by="bob", now=NOW)
    values, gone = await store.changed({**known, "never": 1})
    assert (set(values), gone) == ({"db"}, {"never"})


async def test_a_removed_one_is_remembered_only_to_be_masked(store):
    await create(store)
    await store.remove("db", by="bob", now=NOW)
    assert await store.all() == []
    assert shown((await store.changed({}))[0]["db"]) == (None, ["hunter22"])
    with pytest.raises(NoCredentialError):
        await store.rotate("db", SecretStr("x"), by="bob", now=NOW)
    await create(store, value="hunter25")
    assert shown((await store.changed({}))[0]["db"]) == ("hunter25", ["hunter22"])


async def test_after_rekeying_the_new_secret_opens_everything(store, db):
    await create(store)
    await store.rotate("db", SecretStr("hunter23"), by="bob", now=NOW)
    both = MongoCredentials(db, Sealer([NEW, OLD]))
    assert await both.rekey(by="ann", now=NOW) == (1, [])
    values, _ = await MongoCredentials(db, Sealer([NEW])).changed({})
    assert shown(values["db"]) == ("hunter23", ["hunter22"])


async def test_what_no_key_opens_is_named_and_left_as_it_is(store, db):
    await create(store)
    other = MongoCredentials(db, Sealer([NEW]))
    assert await other.rekey(by="ann", now=NOW) == (0, ["db"])
    values, _ = await other.changed({})
    assert "HANDRAIL_SECRET_KEY_PREVIOUS" in values["db"].problem
    assert shown((await store.changed({}))[0]["db"]) == ("hunter22", [])


async def test_a_value_is_not_opened_under_another_name(store, db):
    await create(store)
    await create(store, "other", "hunter99")
    kept = db.get_collection("credentials")
    stolen = await kept.find_one({"_id": "db"})
    await kept.update_one({"_id": "other"}, {"$set": {"sealed": stolen["sealed"]}})
    values, _ = await store.changed({})
    assert values["other"].now is None
