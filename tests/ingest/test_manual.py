"""Tickets that people and programs open: once, with the same promise as for a webhook."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.ingest.app import build, configured, for_api
from services.ingest.manual.store import Earlier, MongoRequests
from services.ingest.manual.ticket import Accepted, NewTicket
from shared.config import Config
from shared.errors import SettingsError
from tests.ingest.conftest import on_own
from tests.ingest.test_service import server
from tests.running import running

CONFIG = """\
sources:
  people: {kind: api, bearer: {env: PEOPLE_TOKEN}}
  api: {bearer: [{env: OLD_TOKEN}, {env: NEW_TOKEN}]}
  ada: {kind: api, bearer: {env: ADA_TOKEN}, person: Ada@example.org}
"""
DISK = {
    "title": "The disk of db-1 is full",
    "description": "Writes fail since 10:00.",
    "severity": "P2",
    "resource": "db-1",
    "labels": {"host": "db-1"},
    "name": "DiskFull",
}
NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def with_api(settings, tmp_path, monkeypatch):
    """Settings with sources of kind `api` alone."""
    for name in ("PEOPLE", "OLD", "NEW", "ADA"):
        monkeypatch.setenv(f"{name}_TOKEN", name.lower())
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    return settings


@pytest.fixture
async def api(stack, db, with_api):
    async with running(build(with_api(stack, db.name))) as client:
        client.headers = {"Authorization": "Bearer people"}
        yield client


def key(text):
    return {"Idempotency-Key": text}


async def test_a_ticket_is_stored_and_announced_as_it_was_asked_for(api, db, on_stream):
    answer = await api.post("/tickets", json=DISK)
    assert (answer.status_code, answer.json()["opened"]) == (202, True)
    ticket = await db.tickets.find_one()
    assert ticket["_id"] == UUID(answer.json()["id"])
    assert (ticket["source"], ticket["title"], ticket["severity"]) == (
        "people",
        DISK["title"],
        "P2",
    )
    said = ticket["alert"]
    assert (said["name"], said["resource"], said["labels"]) == ("DiskFull", "db-1", DISK["labels"])
    assert len(await on_stream.of_ticket(answer.json()["id"], "ticket.created")) == 1
    assert await db.alerts.count_documents({"ticket_id": ticket["_id"]}) == 1


@pytest.mark.parametrize(
    ("change", "opens"),
    [
        ({}, False),
        ({"title": "Another wording"}, False),
        ({"description": "More", "severity": "P1"}, False),
        ({"resource": "db-2"}, True),
        ({"labels": {"host": "db-2"}}, True),
        ({"name": "DiskSlow"}, True),
    ],
)
async def test_the_same_problem_counts_on_its_ticket(api, change, opens):
    await api.post("/tickets", json=DISK)
    assert (await api.post("/tickets", json={**DISK, **change})).json()["opened"] == opens


async def test_the_same_key_is_answered_as_before_and_counts_once(api, db):
    first = await api.post("/tickets", json=DISK, headers=key("k"))
    second = await api.post("/tickets", json=DISK, headers=key("k"))
    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert (await db.tickets.find_one())["count"] == 1


async def test_a_key_for_another_request_is_refused(api, db):
    await api.post("/tickets", json=DISK, headers=key("k"))
    answer = await api.post("/tickets", json={**DISK, "resource": "db-2"}, headers=key("k"))
    assert answer.status_code == 409
    assert "Idempotency-Key" in answer.json()["error"]
    assert await db.tickets.count_documents({}) == 1


async def test_two_sources_may_use_the_same_key(api, db):
    await api.post("/tickets", json=DISK, headers=key("k"))
    other = {"Authorization": "Bearer new", **key("k")}
    assert (await api.post("/tickets", json=DISK, headers=other)).json()["opened"]
    assert {one["source"] async for one in db.tickets.find()} == {"people", "api"}


async def test_twenty_at_once_with_one_key_are_one_ticket_and_one_answer(api, db):
    posts = (api.post("/tickets", json=DISK, headers=key("k")) for _ in range(20))
    answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert await db.tickets.count_documents({}) == 1


async def test_a_request_that_was_broken_off_is_made_good_by_the_next(api, db):
    store = MongoRequests(db)
    await store.begin("people", "k", NewTicket(**DISK).digest(), NOW)
    answer = await api.post("/tickets", json=DISK, headers=key("k"))
    assert (answer.status_code, answer.json()["opened"]) == (202, True)


@pytest.mark.parametrize("token", ["wrong", "peopl", "people2"])
async def test_a_stranger_is_refused(api, db, token):
    answer = await api.post("/tickets", json=DISK, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert await db.tickets.count_documents({}) == 0


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"{", 400, "JSON"),
        (b"", 422, "required"),
        (b"[]", 422, "dictionary"),
        (b"{}", 422, "title: "),
        (b'{"title": " "}', 422, "title: "),
        (b'{"title": "x", "severity": "my-password"}', 422, "severity: "),
        (b'{"title": "x", "owner": "my-password"}', 422, "owner: "),
        (b'{"title": "x", "labels": {"a": 1}}', 422, "labels.a: "),
        (b'{"title": "x", "labels": {"a\\u0000": "1"}}', 422, "labels."),
        (b'{"title": "\\ud800"}', 422, "title: "),
        (b"\xff\xfe", 400, "JSON"),
        (b"\x80", 400, "JSON"),
        (b"[" * 100_000, 400, "JSON"),
        (b" " * 6 * 1024 * 1024, 413, "larger"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong_and_never_repeated(api, content, status, told):
    json = {"Content-Type": "application/json"}
    answer = await api.post("/tickets", content=content, headers=json)
    assert (answer.status_code, told in answer.json()["error"]) == (status, True)
    assert "my-password" not in answer.text


async def test_a_store_that_is_away_is_answered_with_503(own_stack, with_api):
    async with on_own(own_stack, with_api) as (_, client, _):
        client.headers = {"Authorization": "Bearer old"}
        await server(own_stack, "mongod").stop()
        sent = (client.post("/tickets", json=DISK, headers=headers) for headers in ({}, key("k")))
        for answer in await asyncio.gather(*sent):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0


async def test_the_document_tells_how_to_open_a_ticket(api):
    document = (await api.get("/openapi.json")).json()
    assert "/tickets" in document["paths"]
    post = document["paths"]["/tickets"]["post"]
    assert post["parameters"][0]["name"].lower() == "idempotency-key"
    assert {"202", "401", "409", "422", "503"} <= set(post["responses"])
    assert post["security"]
    assert "openapi.json" in (await api.get("/docs")).text


async def test_without_such_a_source_nobody_is_let_in(ingest):
    answer = await ingest.post("/tickets", json=DISK)
    assert answer.status_code == 404
    assert "handrail.yaml" in answer.json()["error"]


async def never(url):
    raise AssertionError(f"{url} must not be fetched")


async def test_a_source_for_tickets_takes_no_webhooks(api):
    assert (await api.post("/webhooks/api", json=DISK)).status_code == 404


def test_a_source_for_tickets_needs_a_token():
    config = {"sources": {"api": {"hmac": {"secret": {"env": "X"}, "style": "github"}}}}
    with pytest.raises(SettingsError, match=r"sources\.api.*bearer"):
        for_api(Config.model_validate(config), never)
    assert configured(Config.model_validate(config), never) == {}


async def test_of_two_answers_to_one_request_the_first_counts(db):
    requests = MongoRequests(db)
    await requests.prepare()
    first, second = (Accepted(id=uuid4(), opened=opened) for opened in (True, False))
    assert await requests.begin("a", "k", "digest", NOW) is None
    assert await requests.begin("a", "k", "digest", NOW) == Earlier("digest", None)
    assert await requests.finish("a", "k", first) == first
    assert await requests.finish("a", "k", second) == first
    assert await requests.begin("a", "k", "other", NOW + timedelta(hours=1)) == Earlier(
        "digest", first
    )


@pytest.mark.parametrize(
    ("token", "named", "requester"),
    [
        ("people", {}, ""),
        ("people", {"requested_by": "Bob@example.org"}, "bob@example.org"),
        ("ada", {}, "ada@example.org"),
        ("ada", {"requested_by": "ADA@example.org"}, "ada@example.org"),
    ],
)
async def test_a_ticket_says_who_asked_for_it(api, db, on_stream, *, token, named, requester):
    headers = {"Authorization": f"Bearer {token}"}
    answer = await api.post("/tickets", json={**DISK, **named}, headers=headers)
    assert answer.status_code == 202
    assert (await db.tickets.find_one())["alert"]["requested_by"] == requester
    (created,) = await on_stream.of_ticket(answer.json()["id"], "ticket.created")
    assert requester in str(created)


async def test_the_token_of_a_person_asks_for_nobody_else(api, db):
    body = {**DISK, "requested_by": "bob@example.org"}
    answer = await api.post("/tickets", json=body, headers={"Authorization": "Bearer ada"})
    assert (answer.status_code, await db.tickets.count_documents({})) == (403, 0)
    assert "this token is that of Ada@example.org" in answer.json()["error"]


@pytest.mark.parametrize("address", ["bob", "bob@x y", "a@b\nBcc: c@d", "<bob@example.org>"])
async def test_what_is_no_address_asks_for_nothing(api, address):
    answer = await api.post("/tickets", json={**DISK, "requested_by": address})
    assert (answer.status_code, "requested_by" in answer.json()["error"]) == (422, True)


def test_only_the_token_of_the_api_is_a_persons(monkeypatch):
    monkeypatch.setenv("X_TOKEN", "x")
    source = {"bearer": {"env": "X_TOKEN"}, "person": "ada@example.org"}
    with pytest.raises(SettingsError, match="only a source of kind api is of a `person`"):
        for_api(Config.model_validate({"sources": {"alertmanager": source}}), None)
