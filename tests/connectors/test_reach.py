"""A service's way to targets: what is added and rotated is there at once."""

from datetime import UTC, datetime

from pydantic import SecretStr

from shared.config import Config
from shared.connectors.reach import own_secrets, reach
from shared.credentials.sealing import Sealer
from shared.credentials.settings import CredentialSettings
from shared.credentials.store import MongoCredentials
from shared.targets.store import Declared, MongoTargets

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = SecretStr("k" * 40)
API = {"connector": "http", "url": "https://api", "auth": {"bearer": {"credential": "api"}}}


async def test_an_added_target_is_opened_with_its_credential_and_anew_when_that_is_rotated(
    db, tmp_path
):
    credentials, targets = MongoCredentials(db, Sealer([KEY])), MongoTargets(db)
    await credentials.create("api", SecretStr("hunter22"), by="ann", now=NOW)
    hands = reach(Config(), CredentialSettings(secret_key=KEY), tmp_path, db, by="test")
    await hands.look()
    await targets.add(Declared("api", API, NOW, "ann"))
    await hands.look()
    bearer = hands.targets["api"].auth.bearer
    assert bearer.read().get_secret_value() == "hunter22"
    first = hands.connectors.open("api")
    assert hands.connectors.open("api") is first
    await credentials.rotate("api", SecretStr("geheim99"), by="ann", now=NOW)
    await hands.look()
    assert hands.connectors.open("api") is not first
    assert bearer.read().get_secret_value() == "geheim99"
    assert hands.mask("hunter22 geheim99") == "••• •••"
    assert (await credentials.all())[0].used_by == "test"
    await hands.connectors.close()


async def test_an_added_target_may_name_a_credential_of_the_file(db, tmp_path, monkeypatch):
    monkeypatch.setenv("REACH_TEST_SECRET", "hunter22")
    config = Config.model_validate({"credentials": {"api": {"env": "REACH_TEST_SECRET"}}})
    hands = reach(config, CredentialSettings(secret_key=KEY), tmp_path, db, by="test")
    await MongoTargets(db).add(Declared("api", API, NOW, "ann"))
    await hands.look()
    assert hands.targets["api"].auth.bearer.read().get_secret_value() == "hunter22"
    assert hands.mask("hunter22") == "•••"
    await hands.connectors.close()


async def test_what_is_not_about_a_target_leaves_its_connection_open(db, tmp_path):
    credentials = MongoCredentials(db, Sealer([KEY]))
    await credentials.create("api", SecretStr("hunter22"), by="ann", now=NOW)
    config = Config.model_validate(
        {"targets": {"here": {"connector": "local"}, "api": API}, "credentials": {}}
    )
    hands = reach(config, CredentialSettings(secret_key=KEY), tmp_path, db, by="test")
    await hands.look()
    here = hands.connectors.open("here")
    await credentials.rotate("api", SecretStr("geheim99"), by="ann", now=NOW)
    await hands.look()
    assert hands.connectors.open("here") is here
    await hands.connectors.close()


def test_handrails_own_secrets_are_known_also_as_parts_of_urls():
    found = set(
        own_secrets(
            {
                "HANDRAIL_SECRET_KEY": "one",
                "HANDRAIL_SMTP_URL": "smtp://u:p%40ss@host",
                "HANDRAIL_MONGO_URL": "mongodb://host",
                "HANDRAIL_NATS_URL": "nats://[broken",
                "HOME": "/root",
            }
        )
    )
    assert found == {"one", "p%40ss", "p@ss"}
