"""A credential that is put in by the API is in nothing that comes out, right or wrong."""

import json
from base64 import b64encode

import nats
import pytest
from structlog.testing import capture_logs

from shared.bus.streams import FAMILIES
from tests.running import Streams

CANARY, SECOND = "canary-5ecret-of-mine", "canary-5ecret-again"
KEY = "/api/v1/credentials/deploy-key"
AS_JSON = {"Content-Type": "application/json"}
TARGET = {"connector": "ssh", "host": "h", "user": "u", "host_key": "ssh-ed25519 AAAA"}


async def provoked(admin):
    """The answers to right and wrong requests with the canary in their bodies."""
    good = [{"value": CANARY}, {"value": SECOND}]
    wrong = [
        {"valeu": CANARY},
        {CANARY: 1},
        {"value": [CANARY]},
        {"value": {"credential": CANARY}},
        {"value": CANARY * 10_000},
        CANARY,
        [CANARY],
    ]
    for body in (*good, *wrong):
        yield await admin.put(KEY, json=body)
    for sent in (f'{{"value": "{CANARY}', CANARY, f'{{"value": {CANARY}}}'):
        yield await admin.put(KEY, content=sent, headers=AS_JSON)
    yield await admin.put(KEY, content=CANARY)
    yield await admin.put(KEY, content=CANARY * 100_000, headers=AS_JSON)
    for field in ("key", "password", "passphrase", "sudo", "connector", "port", "via", "labels"):
        yield await admin.put("/api/v1/targets/t", json={**TARGET, field: CANARY})
    yield await admin.put("/api/v1/targets/t", json={**TARGET, "key": {"credential": [CANARY]}})
    yield await admin.put("/api/v1/targets/t", json={**TARGET, "key": {"file": CANARY}})
    for path in ("/api/v1/credentials", KEY, "/api/v1/targets", "/api/openapi.json", "/api/docs"):
        yield await admin.get(path)
    yield await admin.post("/api/v1/targets/web-1/check")
    yield await admin.get("/metrics")
    yield await admin.delete(KEY, params={"force": True})


def forms():
    for text in (CANARY, SECOND, "canary-5ecret"):
        yield text.encode()
        yield text.encode().hex().encode()
    yield b64encode(CANARY.encode())[:-4]


def leaks(said):
    return [form for form in forms() if form in said]


async def test_no_answer_log_event_or_document_has_the_value(admin_served, db, stack):
    with capture_logs() as logs:
        answers = [answer async for answer in provoked(admin_served)]
    assert [answer.status_code for answer in answers[:2]] == [201, 204]
    assert {answer.status_code for answer in answers[2:11]} == {400, 422}
    for answer in answers:
        assert not leaks(answer.content + str(answer.headers).encode()), answer.text
    assert logs
    assert not leaks(json.dumps(logs, default=str).encode())
    for name in await db.list_collection_names():
        async for document in db[name].find():
            assert not leaks(repr(document).encode()), name
    assert await db.credentials.count_documents({}) == 1
    assert await db.api_audit.count_documents({}) > 0
    client = await nats.connect(stack.nats_url)
    streams = Streams(client)
    for family in FAMILIES:
        async for message in streams.all(f"{family}.>"):
            assert not leaks(message.data + str(message.headers).encode())
    await client.close()


@pytest.mark.parametrize("form", list(forms()), ids=lambda form: form.decode()[:12])
def test_a_canary_would_be_found(form):
    assert leaks(b"so it is " + form + b" and more")
