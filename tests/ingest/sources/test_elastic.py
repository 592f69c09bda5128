"""Alerts of Kibana's rules and of watches, read."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from services.ingest.sources.elastic import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

RULE = {
    "id": "6f9a1c40-15a8-11f1-9a64-0b7d1c7e2f55",
    "name": "CPU of the web servers",
    "space": "default",
    "tags": "web,prod",
    "url": "https://kibana.example.com/app/management/insightsAndAlerting/rule/6f9a1c40",
}


def rule(group="metrics.inventory_threshold.fired", instance="web-1", **fields):
    payload = {
        "rule": RULE,
        "alert": {"id": instance, "group": group},
        "date": "2026-03-01T10:00:00.000Z",
        "severity": "critical",
        "message": "CPU usage is 97.1% in the last 1 min for web-1. Alert when > 90%.",
        "labels": {"host": instance},
        "links": {"details": "https://kibana.example.com/app/observability/alerts/9d1c"},
        **fields,
    }
    return Webhook("elastic", json.dumps(payload).encode())


def watch(**fields):
    payload = {
        "watch_id": "shop-errors",
        "date": "2026-03-01T10:00:00.000Z",
        "severity": "warning",
        "message": "81 errors",
        "labels": {"service": "shop"},
        **fields,
    }
    return Webhook("elastic", json.dumps(payload).encode())


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=rule(),
        resolved=rule("recovered", message="Recovered", rule={**RULE, "name": "Renamed"}),
        second=rule(instance="web-2"),
        again=[rule("metrics.inventory_threshold.warning", severity="warning"), rule(date="")],
        malformed=[
            Webhook("elastic", b'{"rule": {"id": "{{rule.id}}"'),
            Webhook("elastic", b'{"rule": {"id": "1"}}'),
            rule(group=""),
            rule(instance=""),
            rule(labels=["web-1"]),
            rule(date="yesterday"),
            watch(watch_id=["a"]),
            Webhook("elastic", b"[]"),
        ],
    )


def test_another_rule_on_the_same_host_is_another_problem():
    (one,), (other,) = parse(rule()), parse(rule(rule={**RULE, "id": "2"}))
    assert one.fingerprint != other.fingerprint


def test_what_a_rule_says_is_taken_over():
    (alert,) = parse(rule())
    assert (alert.name, alert.title) == (RULE["name"], "CPU of the web servers: web-1")
    assert (alert.severity, alert.resource) == (Severity.P1, "web-1")
    assert alert.labels["rule_tags"] == "web,prod"
    assert set(alert.links) == {"rule", "details"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_what_the_user_left_out_is_not_needed():
    about = b'{"rule": {"id": "1"}, "alert": {"id": "query matched", "group": "query matched"}}'
    (alert,) = parse(Webhook("elastic", about))
    assert (alert.name, alert.resource, alert.severity) == ("1", "query matched", None)


def test_a_recovered_alert_tells_when():
    (alert,) = parse(rule("recovered"))
    assert (alert.starts_at, alert.ends_at) == (None, datetime(2026, 3, 1, 10, tzinfo=UTC))


def test_a_watch_fires():
    (alert,) = parse(watch())
    assert (alert.status, alert.name) == (AlertStatus.FIRING, "shop-errors")
    assert (alert.severity, alert.resource) == (Severity.P3, "shop")
    assert alert.labels == {"service": "shop", "watch_id": "shop-errors"}


def test_a_watch_is_told_apart_by_the_labels_its_user_gives_it():
    (one,), (same,) = parse(watch()), parse(watch(severity="critical", message="99 errors"))
    (other,) = parse(watch(labels={"service": "cart"}))
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize("number", [b"1e999", b"1" * 4_000, b"1" * 5_000])
def test_an_absurd_number_is_no_crash(number):
    body = b'{"rule": {"id": %s}, "alert": {"id": "a", "group": "g"}}' % number
    with suppress(ValidationError):
        assert parse(Webhook("elastic", body))
