"""Uptime Kuma's notifications, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.uptimekuma import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def payload(status=0, monitor_id=29, **monitor):
    return {
        "heartbeat": {
            "monitorID": monitor_id,
            "status": status,
            "time": "2026-03-01 10:00:00.527",
            "msg": "connect ECONNREFUSED 192.0.2.7:443" if status == 0 else "200 - OK",
            "important": True,
            "duration": 61,
            "ping": None,
            "timezone": "Europe/Berlin",
            "timezoneOffset": "+01:00",
            "localDateTime": "2026-03-01 11:00:00",
        },
        "monitor": {
            "id": monitor_id,
            "name": "shop",
            "description": None,
            "pathName": "Web / shop",
            "url": "https://shop.example.com/health",
            "hostname": None,
            "port": None,
            "type": "http",
            "interval": 60,
            "accepted_statuscodes": ["200-299"],
            "tags": [{"id": 1, "tag_id": 4, "name": "severity", "value": "high", "color": "#f00"}],
            "notificationIDList": {"2": True},
            **monitor,
        },
        "msg": "[shop] [🔴 Down] connect ECONNREFUSED 192.0.2.7:443",
    }


def hook(said, **headers):
    return Webhook("kuma", said if isinstance(said, bytes) else json.dumps(said).encode(), headers)


MALFORMED = [
    hook(b""),
    hook(b"{"),
    hook([]),
    hook({"msg": "x"}),
    hook(payload(status=9)),
    hook({**payload(), "heartbeat": {}}),
    hook(payload(name=None)),
    hook(payload(tags="x")),
    hook(payload(monitor_id={})),
    hook({**payload(), "heartbeat": {"status": 0, "time": "yesterday"}}),
]


def test_the_contract_of_sources_is_kept():
    assert_contract(
        parse,
        firing=hook(payload()),
        resolved=hook(payload(status=1)),
        second=hook(payload(monitor_id=30)),
        again=[hook({**payload(), "msg": "still down"})],
        malformed=MALFORMED,
    )


def test_what_a_notification_says_is_taken_over():
    (alert,) = parse(hook(payload()))
    assert (alert.name, alert.title) == ("shop", "shop is down")
    assert alert.description == "connect ECONNREFUSED 192.0.2.7:443"
    assert alert.severity is Severity.P2
    assert alert.resource == "https://shop.example.com/health"
    assert alert.labels["host"] == "shop.example.com"
    assert alert.links == {"monitor": "https://shop.example.com/health"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, 0, 0, 527000, tzinfo=UTC)


def test_a_monitor_without_a_url_is_named_by_its_host():
    (alert,) = parse(hook(payload(url="https://", hostname="db-1.example.com", port=5432)))
    assert (alert.resource, alert.labels["port"]) == ("db-1.example.com", "5432")
    assert alert.links == {}


@pytest.mark.parametrize(
    "said",
    [
        payload(status=2),
        payload(status=3),
        {"heartbeat": None, "monitor": None, "msg": "Handrail Testing"},
    ],
    ids=["pending", "maintenance", "test"],
)
def test_what_is_no_problem_gives_no_alert(said):
    assert parse(hook(said)) == ()


def test_form_data_is_read_like_json():
    form = b'--x1\r\nContent-Disposition: form-data; name="data"\r\n\r\n%s\r\n--x1--\r\n'
    webhook = hook(
        form % json.dumps(payload()).encode(),
        **{"content-type": "multipart/form-data; boundary=x1"},
    )
    assert parse(webhook) == parse(hook(payload()))


def expiry(days):
    text = f"[shop][https://shop.example.com] Server certificate CN will expire in {days} days"
    return hook({"heartbeat": None, "monitor": None, "msg": text})


def test_a_certificate_that_expires_is_one_problem_whatever_the_days():
    (now,), (then,) = parse(expiry(7)), parse(expiry(21))
    assert (now.status, now.severity) == (AlertStatus.FIRING, Severity.P3)
    assert now.labels["host"] == "shop.example.com"
    assert now.fingerprint == then.fingerprint
