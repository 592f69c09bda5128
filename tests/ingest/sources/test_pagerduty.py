"""PagerDuty's webhooks, read: version 3 and version 2."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.pagerduty import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

SITE = "https://example.pagerduty.example.com"


def reference(id_, summary, kind):
    return {
        "html_url": f"{SITE}/{kind}s/{id_}",
        "id": id_,
        "self": f"https://api.pagerduty.example.com/{kind}s/{id_}",
        "summary": summary,
        "type": f"{kind}_reference",
    }


def incident(id_="PGR0VU2", **fields):
    return {
        "id": id_,
        "type": "incident",
        "html_url": f"{SITE}/incidents/{id_}",
        "number": 2,
        "status": "triggered",
        "incident_key": "d3640fbd41094207a1c11e58e46b1662",
        "created_at": "2026-03-01T10:00:00Z",
        "title": "The shop does not answer",
        "service": reference("PF9KMXH", "Shop", "service"),
        "assignees": [reference("PTUXL6G", "On call", "user")],
        "escalation_policy": reference("PUS0KTE", "Default", "escalation_policy"),
        "teams": [reference("PFCVPS0", "Engineering", "team")],
        "priority": reference("PSO75BM", "P1", "prioritie"),
        "urgency": "high",
        "conference_bridge": None,
        "resolve_reason": None,
        **fields,
    }


def v3(kind="incident.triggered", data=None):
    event = {
        "id": "5ac64822-4adc-4fda-ade0-410becf0de4f",
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": "2026-03-01T10:30:00.169Z",
        "agent": None,
        "client": {"name": "Monitoring Service"},
        "data": incident() if data is None else data,
    }
    return Webhook("pagerduty", json.dumps({"event": event}).encode())


def message(kind="incident.trigger", **fields):
    service = {**reference("PF9KMXH", "Shop", "service"), "name": "Shop", "status": "critical"}
    return {
        "event": kind,
        "log_entries": [{"id": "RNAJ8DLJ", "type": "trigger_log_entry"}],
        "webhook": {"id": "PKT9NNX", "endpoint_url": "https://handrail.example.com/webhooks/pd"},
        "incident": incident(service=service, priority=None, incident_key=None)
        | {"incident_number": 2, "description": "The shop does not answer"}
        | fields,
        "id": "e82195c0-a2cd-11e7-8f69-22000affca53",
        "created_on": "2026-03-01T10:30:00Z",
    }


def v2(*messages):
    return Webhook("pagerduty", json.dumps({"messages": list(messages)}).encode())


def test_version_3_keeps_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=v3(),
        resolved=v3("incident.resolved", incident(status="resolved", title="It did not answer")),
        second=v3(data=incident("PGR0VU3")),
        again=[
            v3("incident.reopened"),
            v3("incident.unacknowledged"),
            v3("incident.priority_updated", incident(priority=None)),
        ],
        malformed=[
            Webhook("pagerduty", b"{"),
            Webhook("pagerduty", b"{}"),
            Webhook("pagerduty", b'{"event": []}'),
            v3(data=[]),
            v3(data=incident("")),
            v3(data=incident(created_at="yesterday")),
            v3(data=incident(service="Shop")),
            v3([]),
        ],
    )


def test_version_2_keeps_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=v2(message()),
        resolved=v2(message("incident.resolve", status="resolved")),
        second=v2(message(id="PGR0VU3")),
        again=[v2(message("incident.unacknowledge")), v2(message(urgency="low"))],
        malformed=[v2(), v2({}), v2(message(id=None)), v2(*[message()] * 1_001)],
    )


def test_an_incident_is_the_same_in_both_versions():
    assert parse(v3())[0].fingerprint == parse(v2(message()))[0].fingerprint


def test_several_messages_come_in_order():
    alerts = parse(v2(message("incident.acknowledge"), message(id="A"), message(id="B")))
    assert [alert.labels["incident_id"] for alert in alerts] == ["A", "B"]


def test_what_an_incident_says_is_taken_over():
    (alert,) = parse(v3("incident.resolved"))
    assert (alert.name, alert.resource) == ("The shop does not answer", "Shop")
    assert alert.labels["service"] == "Shop"
    assert alert.labels["team"] == "Engineering"
    assert alert.links == {
        "incident": f"{SITE}/incidents/PGR0VU2",
        "service": f"{SITE}/services/PF9KMXH",
    }
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert alert.ends_at == datetime(2026, 3, 1, 10, 30, 0, 169_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "kind",
    [
        "incident.acknowledged",
        "incident.annotated",
        "incident.escalated",
        "service.updated",
        "pagey.ping",
    ],
)
def test_other_events_give_no_alert_whatever_is_in_them(kind):
    assert parse(v3(kind, {"message": "Hello", "type": "ping"})) == ()


def test_another_priority_of_what_is_over_opens_nothing():
    assert parse(v3("incident.priority_updated", incident(status="resolved"))) == ()


@pytest.mark.parametrize(
    ("priority", "urgency", "severity"),
    [
        ("P1", "low", Severity.P1),
        ("SEV-2", "high", Severity.P2),
        ("P5", "high", Severity.P4),
        ("Major", "low", Severity.P2),
        ("Odd", "high", Severity.P2),
        (None, "low", Severity.P4),
    ],
)
def test_severity_follows_the_priority_and_then_the_urgency(priority, urgency, severity):
    named = None if priority is None else reference("P", priority, "prioritie")
    (alert,) = parse(v3(data=incident(priority=named, urgency=urgency)))
    assert alert.severity is severity
