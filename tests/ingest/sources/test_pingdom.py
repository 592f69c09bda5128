"""Pingdom's state changes, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.pingdom import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def change(state="DOWN", check_id=4711, **fields):
    payload = {
        "check_id": check_id,
        "check_name": "Shop front page",
        "check_type": "HTTP",
        "check_params": {
            "basic_auth": False,
            "encryption": True,
            "full_url": "https://shop.example.com/health",
            "header": "User-Agent:Pingdom.com_bot",
            "hostname": "shop.example.com",
            "ipv6": False,
            "port": 443,
            "url": "/health",
        },
        "tags": ["prod", "shop"],
        "previous_state": "UP" if state == "DOWN" else "DOWN",
        "current_state": state,
        "importance_level": "HIGH",
        "state_changed_timestamp": 1772359200,
        "state_changed_utc_time": "2026-03-01T10:00:00",
        "long_description": "HTTP server error 503: Service Unavailable",
        "description": "HTTP error",
        "first_probe": {"ip": "192.0.2.10", "ipv6": "", "location": "Stockholm, Sweden"},
        "second_probe": {"ip": "192.0.2.11", "ipv6": "", "location": "Austin, US", "version": 1},
        **fields,
    }
    return Webhook("pingdom", json.dumps(payload).encode())


def transaction(state):
    """A check of another kind: it has no address of its own."""
    return change(state, check_type="TRANSACTION", check_params={}, description=None)


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=change(),
        resolved=change("UP", long_description="OK", check_name="Renamed meanwhile"),
        second=change(check_id=4712),
        again=[change(importance_level="LOW"), change(long_description="Timeout")],
        malformed=[
            Webhook("pingdom", b""),
            Webhook("pingdom", b"[]"),
            change(check_id=None),
            change(state=None),
            change(state_changed_timestamp="soon"),
            change(check_params=[1]),
        ],
    )


def test_a_transaction_fails_and_succeeds():
    (fired,), (over,) = parse(transaction("FAILING")), parse(transaction("SUCCESS"))
    assert (fired.status, over.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert fired.fingerprint == over.fingerprint
    assert fired.links == {}


def test_what_a_check_says_is_taken_over():
    (alert,) = parse(change(custom_message="Call the hosting company"))
    assert (alert.name, alert.title) == ("Shop front page", "Shop front page is down")
    assert alert.description == (
        "HTTP server error 503: Service Unavailable\nCall the hosting company"
    )
    assert alert.resource == alert.labels["host"] == "shop.example.com"
    assert (alert.labels["port"], alert.labels["tags"]) == ("443", "prod,shop")
    assert alert.links == {
        "check": "https://shop.example.com/health",
        "pingdom": "https://my.pingdom.com/app/reports/uptime#check=4711",
    }
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_check_that_came_up_tells_when():
    (alert,) = parse(change("UP"))
    assert (alert.starts_at, alert.ends_at) == (None, datetime(2026, 3, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("level", "severity"), [("HIGH", Severity.P2), ("LOW", Severity.P4), (None, None)]
)
def test_severity_follows_the_importance(level, severity):
    (alert,) = parse(change(importance_level=level))
    assert alert.severity is severity


@pytest.mark.parametrize("state", ["UNCONFIRMED_DOWN", "UNKNOWN", "PAUSED"])
def test_a_state_that_is_neither_up_nor_down_is_no_alert(state):
    assert parse(change(state)) == ()
