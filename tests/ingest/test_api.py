"""The webhook, as a sender sees it."""

import base64
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.ingest.api import Source, webhooks
from services.ingest.auth import Basic, Bearer
from services.ingest.body import BODY_MOST
from services.ingest.counters import CountedHistory, Counters
from services.ingest.door import Door
from services.ingest.gate import Gate
from services.ingest.intake import Intake
from services.ingest.sources import SOURCES
from tests.ingest.fakes import FakeBus, FakeHistory, FakeQuarantine, FakeTickets
from tests.ingest.payloads import body, fired, over

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
BEARER = {"Authorization": "Bearer sesame"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"am:sesame").decode()}


class Ingest:
    """The routes over fakes."""

    def __init__(self):
        self.tickets, self.bus, self.registry = FakeTickets(), FakeBus(), CollectorRegistry()
        self.quarantine, self.history = FakeQuarantine(), FakeHistory()
        parse = SOURCES["alertmanager"]
        self.sources = {
            "alertmanager": Source("alertmanager", parse, Door((Bearer("sesame"),))),
            "basic": Source("basic", parse, Door((Basic("am", "sesame"),))),
        }
        self.told, self.gate = [], Gate()
        counters = Counters(self.registry)
        counters.watch(self.gate)
        app = FastAPI()
        app.include_router(
            webhooks(
                self.sources,
                Intake(
                    self.tickets,
                    CountedHistory(self.history, counters),
                    self.bus,
                    self.told.extend,
                ),
                self.quarantine,
                gate=self.gate,
                counters=counters,
                now=lambda: NOW,
            )
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest")

    async def post(self, content, *, headers=BEARER, source="alertmanager"):
        return await self.http.post(f"/webhooks/{source}", content=content, headers=headers)

    def counted(self, name, **labels):
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
async def ingest():
    one = Ingest()
    async with one.http:
        yield one


async def test_an_accepted_notification_says_which_tickets_it_is_about(ingest):
    await ingest.post(body(fired(instance="a")))
    answer = await ingest.post(body(fired(instance="a"), fired(instance="a"), fired(instance="b")))
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 3
    assert [ticket["opened"] for ticket in answer.json()["tickets"]] == [False, True]


async def test_what_is_accepted_is_announced(ingest):
    answer = await ingest.post(body(fired()))
    (event,) = ingest.bus.events.values()
    assert event.subject == "ticket.created"
    assert str(event.ticket_id) == answer.json()["tickets"][0]["id"]


async def test_only_what_the_stream_took_is_noted_as_announced(ingest):
    ingest.bus.down = True
    await ingest.post(body(fired(instance="a")))
    ingest.bus.down = False
    answer = await ingest.post(body(fired(instance="b")))
    assert [str(one.ticket_id) for one in ingest.told] == [answer.json()["tickets"][0]["id"]]


async def test_a_resolved_alert_that_nobody_knows_is_accepted_and_leaves_nothing(ingest):
    answer = await ingest.post(body(over()))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "tickets": []})
    assert ingest.bus.events == {}


async def test_a_large_group_is_published_in_parts(ingest):
    group = [{"status": "firing", "labels": {"n": str(n)}} for n in range(10_000)]
    assert (await ingest.post(body(*group))).status_code == 202
    assert len(ingest.bus.events) == 10_000
    assert ingest.bus.at_once <= 250


@pytest.mark.parametrize("part", ["tickets", "history", "bus"])
async def test_what_cannot_be_kept_is_to_be_sent_again(ingest, part):
    getattr(ingest, part).down = True
    answer = await ingest.post(body(fired()))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    getattr(ingest, part).down = False
    assert (await ingest.post(body(fired()))).status_code == 202
    assert ingest.bus.subjects.count("ticket.created") == 1


@pytest.mark.parametrize(
    ("headers", "source"),
    [
        ({}, "alertmanager"),
        ({"Authorization": "Bearer wrong"}, "alertmanager"),
        ({"Authorization": b"Bearer s\xc3\xa9same"}, "alertmanager"),
        (BASIC, "alertmanager"),
        (BEARER, "basic"),
        ({"Authorization": "Basic %%%"}, "basic"),
        ({"Authorization": b"Basic \xff\xfe"}, "basic"),
    ],
)
async def test_a_stranger_is_refused_and_told_which_proof_is_wanted(ingest, headers, source):
    answer = await ingest.post(body(fired()), headers=headers, source=source)
    assert answer.status_code == 401
    wanted = "Bearer" if source == "alertmanager" else "Basic"
    assert answer.headers["WWW-Authenticate"].startswith(f'{wanted} realm="')
    assert ingest.tickets.open == {}


async def test_a_name_and_password_open_the_door_too(ingest):
    answer = await ingest.post(body(fired()), headers=BASIC, source="basic")
    assert answer.status_code == 202


async def test_a_stranger_s_body_is_not_read(ingest):
    read = []

    async def parts():
        read.append(1)
        yield b"{"

    answer = await ingest.post(parts(), headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert read == []


async def test_an_unknown_source_is_refused_without_telling_which_there_are(ingest):
    answer = await ingest.post(body(fired()), source="nagios")
    assert answer.status_code == 404
    assert "handrail.yaml" in answer.json()["error"]
    assert "basic" not in answer.text


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"{nonsense", 400, "this is no JSON"),
        (b"", 400, "this is no JSON"),
        (body(), 422, "alerts: "),
        (body(fired(), version="3"), 422, "version: "),
        (body(fired(secret=31337)), 422, "alerts.0.labels.secret: "),
        (body({**fired(), "startsAt": "my-password"}), 422, "alerts.0.startsAt: "),
    ],
)
async def test_a_wrong_notification_is_told_what_is_wrong_and_never_repeated(
    ingest, content, status, told
):
    answer = await ingest.post(content)
    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert not any(said in answer.text for said in ("nonsense", "31337", "my-password"))


async def test_a_place_in_a_wrong_notification_is_told_in_short(ingest):
    answer = await ingest.post(body(*(fired(**{"n" * 100_000: n}) for n in range(20))))
    assert answer.status_code == 422
    assert len(answer.text) < 5_000


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_ten_megabytes_is_refused(ingest, chunked):
    async def parts():
        for _ in range(10):
            yield b" " * 1024 * 1024

    answer = await ingest.post(parts() if chunked else b" " * 10 * 1024 * 1024)
    assert answer.status_code == 413
    assert str(BODY_MOST) in answer.json()["error"]


HOSTILE = {
    "nul in a name": fired(**{"a\0b": "x"}),
    "nul in a value": fired(note="a\0b"),
    "dots and dollars": fired(**{"a.b": "x", "$where": "1"}),
    "huge value": fired(note="x" * 4_000_000),
    "many labels": fired(**{f"label_{n}": "x" for n in range(50_000)}),
    "end before all time": {**over(), "endsAt": "0001-01-01T00:00:00+14:00"},
}


@pytest.mark.parametrize("alert", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_alert_is_a_ticket_like_any_other(ingest, alert):
    assert (await ingest.post(body(alert))).status_code == 202


async def test_accepted_and_refused_are_counted(ingest):
    await ingest.post(body(fired(), fired(instance="b")))
    await ingest.post(body(over()))
    await ingest.post(b"{")
    await ingest.post(body(fired()), source="nagios")
    await ingest.post(body(fired()), source="zabbix")
    counted = ingest.counted
    source = {"source": "alertmanager"}
    assert counted("handrail_alerts_total", status="firing", **source) == 2
    assert counted("handrail_alerts_total", status="resolved", **source) == 1
    assert (
        counted("handrail_webhooks_refused_total", code="400", reason="not_understood", **source)
        == 1
    )
    unknown = {"code": "404", "reason": "unknown_source", "source": "unknown"}
    assert counted("handrail_webhooks_refused_total", **unknown) == 2
    assert counted("handrail_alert_decisions_total", decision="opened", **source) == 2
    assert counted("handrail_webhook_bytes_total", **source) > 1_000
