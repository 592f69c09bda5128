"""Credentials through the API: put in, rotated, removed, used at once, and never shown."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from services.console.app import build
from shared.config import load_config
from shared.connectors.reach import reach
from shared.credentials.sealing import Sealer
from shared.credentials.settings import CredentialSettings
from shared.credentials.store import MongoCredentials
from tests.console.conftest import bearer
from tests.running import running

CREDENTIALS = "/api/v1/credentials"
KEY = f"{CREDENTIALS}/deploy-key"
VALUE, NEXT = {"value": "correct-horse-1"}, {"value": "battery-staple-2"}


async def listed(admin):
    return {each["name"]: each for each in (await admin.get(CREDENTIALS)).json()["items"]}


async def test_a_new_credential_is_told_by_all_but_its_value(admin):
    made = await admin.put(KEY, json=VALUE)
    assert made.status_code == 201, made.text
    shown = (await admin.get(KEY)).json()
    assert shown == made.json() == (await listed(admin))["deploy-key"]
    assert (shown["kind"], shown["origin"], shown["created_by"]) == ("stored", "added", "api:admin")
    assert (shown["rotated_at"], shown["targets"]) == (None, ["web-1"])
    assert "value" not in shown


async def test_a_second_value_rotates_it(admin):
    first = (await admin.put(KEY, json=VALUE)).headers["etag"]
    assert (await admin.put(KEY, json=NEXT)).status_code == 204
    shown = await admin.get(KEY)
    assert shown.json()["rotated_by"] == "api:admin"
    assert shown.headers["etag"] != first


async def test_credentials_of_the_file_are_named_with_their_kind_and_changed_there(admin):
    shown = (await listed(admin))["from-file"]
    assert (shown["kind"], shown["origin"]) == ("env", "file")
    for answer in (
        await admin.put(f"{CREDENTIALS}/from-file", json=VALUE),
        await admin.delete(f"{CREDENTIALS}/from-file"),
    ):
        assert answer.status_code == 409
        assert "handrail.yaml declares the credential from-file" in answer.json()["detail"]


async def test_a_removed_one_is_gone_and_one_in_use_goes_only_by_force(admin):
    await admin.put(KEY, json=VALUE)
    kept = await admin.delete(KEY)
    assert (kept.status_code, "web-1" in kept.json()["detail"]) == (409, True)
    assert (await admin.delete(KEY, params={"force": True})).status_code == 204
    assert (await admin.get(KEY)).status_code == 404
    assert (await admin.delete(KEY)).status_code == 404


async def test_a_write_on_condition_changes_only_the_value_that_was_seen(admin):
    seen = (await admin.put(KEY, json=VALUE)).headers["etag"]
    assert (await admin.put(KEY, json=NEXT, headers={"If-Match": seen})).status_code == 204
    for method, body in (("PUT", {"json": VALUE}), ("DELETE", {"params": {"force": True}})):
        answer = await admin.request(method, KEY, headers={"If-Match": seen}, **body)
        assert answer.status_code == 412
    only_new = {"If-None-Match": "*"}
    assert (await admin.put(KEY, json=VALUE, headers=only_new)).status_code == 412


async def test_one_that_was_rotated_between_look_and_write_is_not_written_over(
    admin, db, monkeypatch
):
    seen = (await admin.put(KEY, json=VALUE)).headers["etag"]
    rotate = MongoCredentials.rotate

    async def overtaken(store, name, value, **said):
        other = {**said, "by": "ann", "revision": None}
        await rotate(store, name, SecretStr("somebody-elses-3"), **other)
        await rotate(store, name, value, **said)

    monkeypatch.setattr(MongoCredentials, "rotate", overtaken)
    answer = await admin.put(KEY, json=NEXT, headers={"If-Match": seen})
    assert answer.status_code == 412
    assert (await admin.get(KEY)).json()["rotated_by"] == "ann"


async def test_what_executors_read_is_the_new_value_without_a_restart(admin, db, settings):
    await admin.put(KEY, json=VALUE)
    config = load_config(settings.config)
    key = CredentialSettings(secret_key=settings.secret_key)
    executor = reach(config, key, settings.home, db, by="executor")
    await executor.look()
    read = config.targets["web-1"].key.read
    assert read().get_secret_value() == VALUE["value"]
    await admin.put(KEY, json=NEXT)
    await executor.look()
    assert read().get_secret_value() == NEXT["value"]
    assert executor.mask(VALUE["value"]) == "•••"
    await executor.look()
    shown = (await admin.get(KEY)).json()
    assert shown["used_by"] == "executor"
    assert datetime.fromisoformat(shown["used_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "body", "where"),
    [
        ("deploy-key", {"value": ""}, "value"),
        ("deploy-key", {"value": 1}, "value"),
        ("deploy-key", {}, "value"),
        ("deploy-key", {"value": "x" * 100_001}, "value"),
        ("deploy%20key", VALUE, "path.name"),
        ("-key", VALUE, "path.name"),
    ],
)
async def test_what_cannot_be_kept_is_refused(admin, name, body, where):
    as_json = {"Content-Type": "application/json"}
    sent = json.dumps(body)
    answer = await admin.put(f"{CREDENTIALS}/{name}", content=sent, headers=as_json)
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, where)
    assert set(await listed(admin)) == {"from-file"}


@pytest.mark.parametrize(
    "sent",
    [r'{"value": "\ud800"}', r'{"value": "a\u0000b"}', r'{"value": "a", "\u0000": []}'],
    ids=["half a character", "a NUL", "a NUL in a name"],
)
async def test_texts_that_nobody_could_use_are_refused(admin, sent):
    answer = await admin.put(KEY, content=sent, headers={"Content-Type": "application/json"})
    assert (answer.status_code, "NUL" in answer.json()["detail"]) == (400, True)


async def test_a_text_of_any_language_is_kept_as_it_is(admin, db, settings):
    value = "pässword\n🔑 \\u0000"
    assert (await admin.put(KEY, json={"value": value})).status_code == 201
    fresh, _ = await MongoCredentials(db, Sealer([settings.secret_key])).changed({})
    assert fresh["deploy-key"].now.get_secret_value() == value


async def test_without_a_key_nothing_is_kept_and_it_is_said_why(settings, token_of):
    keyless = settings.model_copy(update={"secret_key": None})
    headers = bearer(await token_of())
    async with running(build(keyless)) as client:
        answer = await client.put(KEY, json=VALUE, headers=headers)
        assert answer.status_code == 503
        assert "HANDRAIL_SECRET_KEY" in answer.json()["detail"]
        assert (await client.get(CREDENTIALS, headers=headers)).status_code == 200
