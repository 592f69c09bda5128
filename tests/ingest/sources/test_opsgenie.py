"""Opsgenie's actions, read."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from services.ingest.sources.opsgenie import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

DETAILS = {"serviceName": "shop", "Runbook": "https://runbooks.example.com/disk"}


def action(name="Create", alias="disk-db-1", **fields):
    payload = {
        "source": {"name": "nagios", "type": "API"},
        "alert": {
            "alertId": "9f1c7a52-4f1e-4dc6-a1d5-3f8f6ad5b2f0-1772359200000",
            "tinyId": "1042",
            "alias": alias,
            "message": "Disk almost full on db-1",
            "entity": "db-1.example.com",
            "source": "nagios.example.com",
            "priority": "P2",
            "tags": ["disk", "prod"],
            "teams": ["4513b7ea-3b91-438f-b7e4-e3e54af9147c"],
            "recipients": [],
            "username": "System",
            "userId": "",
            "createdAt": 1772359200000,
            "updatedAt": 1772360100500000000,
            **fields,
        },
        "action": name,
        "integrationId": "37c8f316-17c6-49d7-899b-9c7e540c048d",
        "integrationName": "Handrail",
    }
    return Webhook("opsgenie", json.dumps(payload).encode())


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=action(description="97 %", details=DETAILS),
        resolved=action("Close", message="Renamed meanwhile", tags=["disk", "ack"]),
        second=action(alias="disk-db-2"),
        again=[action("UpdatePriority", priority="P1"), action(alertId="another-one")],
        malformed=[
            Webhook("opsgenie", b"{"),
            Webhook("opsgenie", b'{"action": "Create"}'),
            action(alertId=""),
            action(tags="disk"),
            action(createdAt=[]),
        ],
    )


def test_what_an_alert_says_is_taken_over():
    (alert,) = parse(action(description="97 %", details=DETAILS))
    assert (alert.name, alert.description) == ("Disk almost full on db-1", "97 %")
    assert alert.resource == "db-1.example.com"
    assert alert.labels["service_name"] == "shop"
    assert alert.labels["tags"] == "disk,prod"
    assert alert.links == {"runbook": "https://runbooks.example.com/disk"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_an_end_is_told_in_nanoseconds():
    (alert,) = parse(action("Close"))
    assert alert.ends_at == datetime(2026, 3, 1, 10, 15, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("priority", "severity"),
    [("P1", Severity.P1), ("P4", Severity.P4), ("P5", Severity.P4), ("", None), (None, None)],
)
def test_severity_follows_the_priority(priority, severity):
    (alert,) = parse(action(priority=priority))
    assert alert.severity is severity


@pytest.mark.parametrize("name", ["Acknowledge", "AddNote", "Snooze", "AssignOwnership", "reboot"])
def test_an_action_that_opens_or_closes_nothing_is_no_alert(name):
    assert parse(action(name)) == ()


def test_an_alert_that_was_deleted_is_over():
    (alert,) = parse(action("Delete"))
    assert alert.status is AlertStatus.RESOLVED


def test_an_absurd_time_is_refused():
    with pytest.raises(ValidationError):
        parse(action(createdAt=10**40))
