"""CloudEvents, read as alerts."""

import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from services.ingest.sources.cloudevents import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

JSON = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json"
DATA = {
    "name": "QueueStuck",
    "status": "firing",
    "severity": "critical",
    "title": "Orders wait",
    "description": "4,211 orders wait for more than 10 minutes",
    "resource": "queue/orders",
    "url": "https://queues.example.com/orders",
    "labels": {"service": "orders", "severity": "critical", "depth_limit": 4000},
    "links": {"dashboard": "https://grafana.example.com/d/orders"},
}


def event(id_="a-1", subject="queue/orders", data=None, **attributes):
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "https://queues.example.com/eu",
        "type": "com.example.queue.stuck",
        "subject": subject,
        "time": "2026-03-01T10:00:00Z",
        "datacontenttype": "application/json",
        "data": DATA if data is None else data,
        **attributes,
    }


def structured(said, media=JSON):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Webhook("events", body, {"content-type": media})


def binary(body, media="application/json", **attributes):
    said = {
        "specversion": "1.0",
        "id": "b-1",
        "source": "/disks",
        "type": "com.example.disk.firing",
        "subject": "K%C3%B6ln%201",
        "time": "2026-03-01T10:00:00Z",
        **attributes,
    }
    headers = {f"ce-{name}": text for name, text in said.items()}
    return Webhook("events", body, {"content-type": media, **headers})


MALFORMED = [
    structured(b""),
    structured(b"{"),
    structured([]),
    structured([], BATCH),
    structured(event(), BATCH),
    structured([event(), {}], BATCH),
    structured([{}] * 10_001, BATCH),
    structured(event(specversion="0.3")),
    structured(event(source="")),
    structured(event(id_=7)),
    structured(event(time="noon")),
    structured(event(data_base64="***")),
    binary(b"{"),
    binary(b"", type=""),
]


def test_structured_events_keep_the_contract_of_sources():
    over = {**DATA, "status": "resolved", "labels": {"service": "orders", "depth_limit": 4000}}
    assert_contract(
        parse,
        firing=structured(event()),
        resolved=structured(event("a-2", data=over, time="2026-03-01T10:15:00Z")),
        second=structured(event(subject="queue/mail")),
        again=[
            structured(event("a-3")),
            structured(event(data={**DATA, "severity": "warning", "description": "5,000"})),
            structured(event(), "application/json"),
        ],
        malformed=MALFORMED,
    )


def test_binary_events_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=binary(b""),
        resolved=binary(b"{}", type="com.example.disk.resolved", id="b-2"),
        second=binary(b"", subject="K%C3%B6ln%202"),
        again=[binary(b"97%", "text/plain")],
    )


def test_what_an_event_says_is_taken_over():
    (alert,) = parse(structured(event()))
    assert (alert.name, alert.title) == ("QueueStuck", "Orders wait")
    assert alert.severity is Severity.P1
    assert alert.resource == "queue/orders"
    assert (alert.labels["service"], alert.labels["depth_limit"]) == ("orders", "4000")
    assert set(alert.links) == {"event", "dashboard"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_headers_are_decoded_and_a_text_is_the_description():
    (alert,) = parse(binary("97 % voll in Köln".encode(), "text/plain", severity="warning"))
    assert (alert.name, alert.resource) == ("com.example.disk", "Köln 1")
    assert (alert.description, alert.severity) == ("97 % voll in Köln", Severity.P3)


def test_a_batch_becomes_its_alerts_in_order():
    said = [event(), event("x", data={"status": "acknowledged"}), event(subject="queue/mail")]
    alerts = parse(structured(said, BATCH))
    assert [alert.labels["ce_subject"] for alert in alerts] == ["queue/orders", "queue/mail"]
    assert parse(structured(said, "application/json")) == alerts


def test_data_in_base64_is_the_data():
    said = event()
    packed = b64encode(json.dumps(said.pop("data")).encode()).decode()
    assert parse(structured({**said, "data_base64": packed})) == parse(structured(event()))


def test_a_fingerprint_of_the_senders_is_the_identity():
    told = [
        {**DATA, "fingerprint": "f1"},
        {"status": "resolved", "fingerprint": "f1", "name": "Renamed"},
    ]
    (fired,), (over,) = (parse(structured(event(data=data))) for data in told)
    assert fired.fingerprint == over.fingerprint
    assert over.status is AlertStatus.RESOLVED


@pytest.mark.parametrize(
    "said",
    [
        event(data={"status": "acknowledged"}),
        event(data={}),
        event(data=[1, 2]),
        event(data={"status": {"phase": "failed"}, "labels": [], "links": "x"}),
    ],
)
def test_an_event_without_a_known_status_gives_no_alert(said):
    assert parse(structured(said)) == ()


@pytest.mark.parametrize("word", ["Alerting", "DOWN", "opened", "Recovered", "ok"])
def test_the_words_of_other_products_are_known(word):
    (by_data,) = parse(structured(event(data={"status": word})))
    (by_type,) = parse(structured(event(data={}, type=f"com.example.queue.stuck.{word}")))
    assert (by_data.status, by_data.fingerprint) == (by_type.status, by_type.fingerprint)
