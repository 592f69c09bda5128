"""Datadog's notifications, read: the payload that the source's description asks for."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources import datadog
from services.ingest.sources.datadog import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def notification(transition="Triggered", **fields):
    body = {
        "alert_id": "1234",
        "alert_title": f"[{transition} on {{host:web-1}}] CPU load is high on web-1",
        "alert_transition": transition,
        "alert_type": "error",
        "alert_priority": "P2",
        "alert_scope": "host:web-1,availability-zone:eu-1a",
        "alert_status": "system.load.1 over host:web-1 was > 8.0",
        "alert_metric": "system.load.1",
        "alert_query": "avg(last_5m):avg:system.load.1{*} by {host} > 8",
        "alert_cycle_key": "6105637123811430300",
        "hostname": "web-1",
        "tags": "monitor,service:shop,env:prod,host:web-1",
        "event_title": "[Triggered] CPU load is high on web-1",
        "text": "The load is 9.2.",
        "link": "https://app.datadoghq.example.com/event/event?id=1",
        "snapshot": "https://snapshots.example.com/1.png",
        "org_id": "77",
        "org_name": "Example",
        "date": "1772359200000",
        **fields,
    }
    return Webhook("datadog", json.dumps(body).encode())


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=notification(),
        resolved=notification(
            "Recovered", alert_type="success", alert_title="CPU is fine", tags="monitor"
        ),
        second=notification(alert_scope="host:web-2,availability-zone:eu-1a"),
        again=[
            notification("Re-Triggered", alert_status="was > 8.0 (11.3)", date="1772362800000"),
            notification("Warn", alert_type="warning", alert_priority="P3"),
            notification(alert_scope="availability-zone:eu-1a, host:web-1"),
            notification(alert_id=1234),
        ],
        malformed=[
            Webhook("datadog", b"payload=1"),
            Webhook("datadog", b"[]"),
            notification(alert_id=""),
            notification(alert_id="$ALERT_ID"),
            notification(""),
            notification("Mentioned"),
            notification(date="soon"),
            notification(tags=["a"]),
        ],
    )


def test_monitors_without_groups_are_told_apart_by_their_host():
    here, there = (
        parse(notification(alert_scope="*", hostname=host))[0] for host in ("web-1", "web-2")
    )
    assert here.fingerprint != there.fingerprint


def test_two_monitors_on_one_host_are_two_problems():
    one, other = (parse(notification(alert_id=id_))[0] for id_ in ("1234", "1235"))
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("[Triggered on {host:web-1}] Host is down", "Host is down"),
        ("[P1] [Re-No Data] Host is down", "Host is down"),
        ("[shop] Host is down", "[shop] Host is down"),
        ("[Triggered]", "Monitor 1234"),
        ("Host [Triggered] twice", "Host [Triggered] twice"),
    ],
)
def test_a_name_has_no_state_in_it(title, name):
    assert parse(notification(alert_title=title))[0].name == name


def test_what_an_alert_says_is_taken_over():
    (alert,) = parse(notification())
    assert (alert.name, alert.description) == ("CPU load is high on web-1", "The load is 9.2.")
    assert alert.resource == "web-1"
    assert alert.labels == {
        "service": "shop",
        "env": "prod",
        "host": "web-1",
        "availability_zone": "eu-1a",
        "monitor_id": "1234",
        "metric": "system.load.1",
        "org": "Example",
    }
    assert alert.links == {
        "event": "https://app.datadoghq.example.com/event/event?id=1",
        "snapshot": "https://snapshots.example.com/1.png",
    }
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_variables_that_datadog_leaves_as_they_are_say_nothing():
    (alert,) = parse(
        notification(alert_priority="$ALERT_PRIORITY", hostname="null", text=None, date="$DATE")
    )
    assert alert.severity is Severity.P2
    assert alert.starts_at is None
    assert alert.labels["host"] == "web-1"


@pytest.mark.parametrize(
    ("transition", "status"),
    [
        ("Triggered", AlertStatus.FIRING),
        ("Re-Warn", AlertStatus.FIRING),
        ("No Data", AlertStatus.FIRING),
        ("Re-No Data", AlertStatus.FIRING),
        ("Renotify", AlertStatus.FIRING),
        ("Recovered", AlertStatus.RESOLVED),
    ],
)
def test_each_transition_fires_or_is_over(transition, status):
    assert parse(notification(transition))[0].status is status


@pytest.mark.parametrize(
    ("priority", "kind", "severity"),
    [
        ("P1", "warning", Severity.P1),
        ("P5", "error", Severity.P4),
        ("", "error", Severity.P2),
        ("", "warning", Severity.P3),
        ("", "success", None),
    ],
)
def test_severity_follows_the_priority_and_then_the_type(priority, kind, severity):
    (alert,) = parse(notification(alert_priority=priority, alert_type=kind))
    assert alert.severity is severity


def test_the_description_shows_a_payload_with_every_field_that_is_read():
    text = datadog.__doc__
    shown = json.loads(text[text.index("{") : text.index("}") + 1])
    assert shown.keys() == json.loads(notification().body).keys()
    assert all(value.startswith("$") for value in shown.values())
