"""What nobody understood is kept: without secrets, once, for a time, and not without end."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import services.ingest.sources
from services.ingest.quarantine.kept import BODY_KEPT, quarantined, telling
from services.ingest.quarantine.store import MongoQuarantine, drop
from services.ingest.webhook import Webhook
from tests.ingest.conftest import TOKEN, on_own
from tests.ingest.payloads import body, fired
from tests.ingest.test_service import HOOK, server

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
MONTH = timedelta(days=30)


def nonsense(content=b"{", *, source="am", at=NOW):
    webhook = Webhook(source, content, {})
    return quarantined(webhook, kind="x", proofs=(), reason="why", problems=("why",), at=at)


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        ("content-type", True),
        ("user-agent", True),
        ("x-github-event", True),
        ("x-gitlab-event", True),
        ("ce-type", True),
        ("sentry-hook-resource", True),
        ("authorization", False),
        ("proxy-authorization", False),
        ("cookie", False),
        ("x-gitlab-token", False),
        ("x-hub-signature-256", False),
        ("sentry-hook-signature", False),
        ("x-api-key", False),
        ("ce-authtoken", False),
        ("x-secret-event", False),
        ("x-amzn-oidc-data", False),
        ("x-our-event", False),
    ],
)
def test_only_headers_that_say_what_a_body_is_are_kept(name, is_kept):
    assert (name in telling({name: "x"}, proofs={"x-our-event"})) == is_kept


def test_every_header_that_a_source_reads_is_kept():
    folder = Path(services.ingest.sources.__file__).parent
    read = {
        name
        for module in folder.glob("*.py")
        for name in re.findall(
            r'headers\.get\(\s*"([^"]+)"|^_(?:HEADER|RAW): Final = "([^"]+)"',
            module.read_text(),
            re.MULTILINE,
        )
        for name in name
        if name
    }
    assert read == set(telling(dict.fromkeys(read, "x"), ()))


def test_a_large_body_is_kept_in_part_and_says_so():
    one = nonsense(b"x" * (BODY_KEPT + 1))
    assert (len(one.body), one.kept, one.size) == (BODY_KEPT, BODY_KEPT, BODY_KEPT + 1)
    assert not one.whole


@pytest.fixture
async def quarantine(db):
    store = MongoQuarantine(db, MONTH, most=3)
    await store.prepare()
    return store


async def test_the_same_body_again_is_kept_once_and_counted(quarantine, db):
    later = NOW + timedelta(hours=1)
    await quarantine.keep(nonsense())
    await quarantine.keep(nonsense(at=later))
    (kept,) = await db.quarantine.find().to_list()
    assert (kept["times"], kept["first_at"], kept["at"]) == (2, NOW, later)


async def test_of_a_source_the_newest_are_kept_whatever_another_sends(quarantine, db):
    await quarantine.keep(nonsense(source="other"))
    for minute in range(5):
        await quarantine.keep(nonsense(b"%d" % minute, at=NOW + timedelta(minutes=minute)))
    kept = await db.quarantine.find({"source": "am"}).to_list()
    assert {one["body"] for one in kept} == {b"2", b"3", b"4"}
    assert await db.quarantine.count_documents({"source": "other"}) == 1


async def test_what_is_dropped_is_gone(quarantine, db):
    await quarantine.keep(nonsense())
    await drop(db, nonsense().id)
    assert await db.quarantine.count_documents({}) == 0


async def test_a_changed_retention_holds_for_what_is_there(quarantine, db):
    await MongoQuarantine(db, timedelta(days=1)).prepare()
    indexes = await db.quarantine.index_information()
    assert indexes["at_expires"]["expireAfterSeconds"] == 86_400


async def test_what_is_not_understood_is_refused_and_kept_without_its_secret(ingest, db):
    headers = {"X-Hook-Event": "alarm", "Cookie": "c=1", "X-Api-Key": "poppy"}
    answer = await ingest.post(HOOK, content=body(), headers=headers)
    assert answer.status_code == 422
    (kept,) = await db.quarantine.find().to_list()
    assert str(kept["_id"]) == answer.json()["quarantine"]
    assert (kept["source"], kept["kind"]) == ("alertmanager", "alertmanager")
    assert kept["reason"] == answer.json()["error"]
    assert kept["problems"] == answer.json()["problems"]
    assert kept["body"] == body()
    assert kept["headers"]["x-hook-event"] == "alarm"
    assert not any(secret in str(kept) for secret in (TOKEN, "poppy", "c=1"))


@pytest.mark.parametrize(
    ("path", "headers", "content"),
    [
        (HOOK, {"Authorization": "Bearer wrong"}, b"{"),
        ("/webhooks/nosuch", {}, b"{"),
        (HOOK, {}, b" " * 6 * 1024 * 1024),
        (HOOK, {}, body(fired())),
    ],
    ids=["a stranger", "no source", "too large", "understood"],
)
async def test_nothing_else_is_kept(ingest, db, path, headers, content):
    await ingest.post(path, content=content, headers=headers)
    assert await db.quarantine.count_documents({}) == 0


async def test_what_cannot_be_kept_is_to_be_sent_again(own_stack, settings):
    async with on_own(own_stack, settings) as (_, client, _):
        await server(own_stack, "mongod").stop()
        answer = await client.post(HOOK, content=b"{")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
