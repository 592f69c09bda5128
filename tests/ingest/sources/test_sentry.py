"""Sentry's webhooks, read: issues, issue alerts and metric alerts."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.sentry import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

SITE = "https://sentry.example.com"


def webhook(resource, action, data):
    body = {
        "action": action,
        "installation": {"uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de"},
        "data": data,
        "actor": {"type": "application", "id": "sentry", "name": "Sentry"},
    }
    headers = {"sentry-hook-resource": resource} if resource else {}
    return Webhook("sentry", json.dumps(body).encode(), headers)


def issue(action="created", id_="1170820242", resource="issue", **fields):
    said = {
        "url": f"{SITE}/api/0/organizations/example/issues/{id_}/",
        "web_url": f"{SITE}/organizations/example/issues/{id_}/",
        "project_url": f"{SITE}/organizations/example/issues/?project=1",
        "id": id_,
        "shareId": None,
        "shortId": "FRONT-1A",
        "title": "ReferenceError: cart is not defined",
        "culprit": "checkout(shop.js)",
        "permalink": None,
        "logger": None,
        "level": "error",
        "status": "unresolved",
        "statusDetails": {},
        "platform": "javascript",
        "project": {"id": "1", "name": "Front", "slug": "front", "platform": "javascript"},
        "type": "error",
        "metadata": {"type": "ReferenceError", "value": "cart is not defined"},
        "assignedTo": None,
        "count": "1",
        "userCount": 0,
        "firstSeen": "2026-03-01T10:00:00.215000Z",
        "lastSeen": "2026-03-01T10:00:00.215000Z",
        **fields,
    }
    return webhook(resource, action, {"issue": said})


def event(action="triggered", issue_id="1170820242", resource="event_alert", **fields):
    said = {
        "event_id": "e4874d664c3540c1a32eab185f12c5ab",
        "project": 1,
        "release": None,
        "platform": "javascript",
        "datetime": "2026-03-01T10:05:00.403000Z",
        "timestamp": 1772359500.403,
        "level": "fatal",
        "title": "ReferenceError: cart is not defined",
        "culprit": "checkout(shop.js)",
        "message": "",
        "tags": [["environment", "prod"], ["server_name", "web-1"], ["browser", "Chrome 75"]],
        "url": f"{SITE}/api/0/projects/example/front/events/e4874d664c3540c1a32eab185f12c5ab/",
        "web_url": f"{SITE}/organizations/example/issues/{issue_id}/events/e4874d66/",
        "issue_url": f"{SITE}/api/0/issues/{issue_id}/",
        "issue_id": issue_id,
        **fields,
    }
    data = {"event": said, "triggered_rule": "New problems in the shop"}
    return webhook(resource, action, data)


def metric(action="critical", rule="7", resource="metric_alert", **fields):
    said = {
        "id": "4",
        "identifier": "1",
        "organization_id": "5",
        "projects": ["front"],
        "alert_rule": {
            "id": rule,
            "name": "Too many errors",
            "organization_id": "5",
            "status": 0,
            "dataset": "events",
            "query": "level:error",
            "aggregate": "count()",
            "environment": None,
            "projects": ["front"],
            "resolve_threshold": None,
            "time_window": 10,
            "triggers": [],
        },
        "date_started": "2026-03-01T10:00:00Z",
        "date_detected": "2026-03-01T10:01:00Z",
        "date_created": "2026-03-01T10:01:00Z",
        "date_closed": "2026-03-01T10:30:00Z" if action == "resolved" else None,
        **fields,
    }
    data = {
        "metric_alert": said,
        "description_text": "1000 events in the last 10 minutes",
        "description_title": f"{action.title()}: Too many errors",
        "web_url": f"{SITE}/organizations/example/alerts/rules/details/1/",
    }
    return webhook(resource, action, data)


def test_issues_keep_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=issue(),
        resolved=issue("resolved", title="TypeError", project=None),
        second=issue(id_="1170820243"),
        again=[
            issue("unresolved", level="fatal", count="2"),
            issue(id_=1170820242),
            issue(resource=None),
            event(),
            event(issue_id=1170820242, resource=None),
        ],
        malformed=[
            Webhook("sentry", b"{"),
            Webhook("sentry", b"{}"),
            Webhook("sentry", b'{"action": "created"}'),
            webhook("issue", "created", {}),
            webhook("event_alert", "triggered", {"issue": {}}),
            webhook("metric_alert", "critical", {"metric_alert": 7}),
            issue(id_=""),
            issue(firstSeen="soon"),
            event(tags=[["a"]]),
            event(tags=[["a", "b"]] * 1_001),
            issue([]),
        ],
    )


def test_metric_alerts_keep_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=metric(),
        resolved=metric("resolved"),
        second=metric(rule="8"),
        again=[metric("warning"), metric(id="5", identifier="2"), metric(resource=None)],
        malformed=[metric(alert_rule=None), metric(projects=7), metric(date_started={})],
    )


def test_a_rule_and_an_issue_with_one_id_are_two_problems():
    assert parse(metric(rule="7"))[0].fingerprint != parse(issue(id_="7"))[0].fingerprint


def test_what_an_issue_says_is_taken_over():
    (alert,) = parse(issue())
    assert alert.name == "ReferenceError: cart is not defined"
    assert (alert.severity, alert.resource) == (Severity.P2, "front")
    assert alert.labels["short_id"] == "FRONT-1A"
    assert alert.links == {"issue": f"{SITE}/organizations/example/issues/1170820242/"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, 0, 0, 215_000, tzinfo=UTC)


def test_what_an_issue_alert_says_is_taken_over():
    (alert,) = parse(event())
    assert (alert.severity, alert.resource) == (Severity.P1, "front")
    assert alert.labels == {
        "environment": "prod",
        "server_name": "web-1",
        "host": "web-1",
        "project": "front",
        "issue_id": "1170820242",
        "platform": "javascript",
    }
    assert alert.annotations["rule"] == "New problems in the shop"
    assert alert.links["event"].endswith("/events/e4874d66/")


def test_what_a_metric_alert_says_is_taken_over():
    (alert,) = parse(metric("resolved"))
    assert (alert.name, alert.resource) == ("Too many errors", "front")
    assert alert.description == "1000 events in the last 10 minutes"
    assert alert.links["alert"].startswith(SITE)
    assert alert.ends_at == datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("action", "severity"),
    [("critical", Severity.P1), ("warning", Severity.P3), ("resolved", None)],
)
def test_severity_of_a_metric_alert_follows_the_action(action, severity):
    assert parse(metric(action))[0].severity is severity


@pytest.mark.parametrize(
    "said",
    [
        issue("assigned"),
        issue("archived"),
        issue("ignored"),
        webhook("installation", "created", {"installation": {}}),
        webhook("comment", "created", {"comment": "Hello", "issue_id": 100}),
        webhook("error", "created", {"error": {}}),
    ],
    ids=["assigned", "archived", "ignored", "installation", "comment", "error"],
)
def test_what_neither_fires_nor_is_over_gives_no_alert(said):
    assert parse(said) == ()
