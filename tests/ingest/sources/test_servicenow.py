"""ServiceNow's incidents, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.servicenow import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

NEW, WORKED_ON, ON_HOLD, RESOLVED, CLOSED, CANCELED = "1", "2", "3", "6", "7", "8"


def incident(state=NEW, before="", sys_id="9d385017c611228701d22104cc95c371", **fields):
    payload = {
        "sys_id": sys_id,
        "number": "INC0010042",
        "state": state,
        "previous_state": before,
        "short_description": "Mail is not delivered",
        "description": "The queue grows since ten o'clock.",
        "priority": "2",
        "category": "Software",
        "cmdb_ci": "mail-1",
        "business_service": "Email",
        "assignment_group": "Messaging",
        "opened_at": "2026-03-01 10:00:00",
        "resolved_at": "",
        "url": f"https://example.service-now.com/incident.do?sys_id={sys_id}",
        **fields,
    }
    return Webhook("servicenow", json.dumps(payload).encode())


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=incident(),
        resolved=incident(RESOLVED, WORKED_ON, short_description="Renamed", cmdb_ci="mail-2"),
        second=incident(sys_id="46f09e75a9fe198100f4ffd8d366d17b"),
        again=[incident(before=NEW, priority="1"), incident(WORKED_ON, WORKED_ON, priority="1")],
        malformed=[
            Webhook("servicenow", b""),
            Webhook("servicenow", b"{}"),
            incident(sys_id=""),
            incident(state=["1"]),
            incident(opened_at="01/03/2026 10:00"),
        ],
    )


@pytest.mark.parametrize(
    ("state", "before", "said"),
    [
        (NEW, "", [AlertStatus.FIRING]),
        ("New", None, [AlertStatus.FIRING]),
        (WORKED_ON, NEW, []),
        (ON_HOLD, WORKED_ON, []),
        (WORKED_ON, WORKED_ON, [AlertStatus.FIRING]),
        (WORKED_ON, RESOLVED, [AlertStatus.FIRING]),
        ("In Progress", "Resolved", [AlertStatus.FIRING]),
        (RESOLVED, WORKED_ON, [AlertStatus.RESOLVED]),
        (CLOSED, RESOLVED, [AlertStatus.RESOLVED]),
        (CANCELED, NEW, [AlertStatus.RESOLVED]),
        ("Resolved", "On Hold", [AlertStatus.RESOLVED]),
        ("-40", NEW, []),
    ],
)
def test_an_incident_fires_until_it_is_over(state, before, said):
    assert [alert.status for alert in parse(incident(state, before))] == said


def test_what_an_incident_says_is_taken_over():
    (alert,) = parse(incident())
    assert alert.name == "Mail is not delivered"
    assert alert.title == "INC0010042: Mail is not delivered"
    assert alert.resource == alert.labels["host"] == "mail-1"
    assert alert.labels["service"] == "Email"
    assert set(alert.links) == {"servicenow"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_an_incident_that_is_over_tells_when_in_utc():
    (alert,) = parse(incident(RESOLVED, resolved_at="2026-03-01 10:15:00"))
    assert alert.ends_at == datetime(2026, 3, 1, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("priority", "severity"),
    [
        ("1", Severity.P1),
        ("3 - Moderate", Severity.P3),
        (5, Severity.P4),
        ("", None),
        ("urgent", None),
    ],
)
def test_severity_follows_the_priority(priority, severity):
    (alert,) = parse(incident(priority=priority))
    assert alert.severity is severity


def test_an_incident_with_little_in_it_is_an_alert():
    (alert,) = parse(Webhook("servicenow", b'{"sys_id": "1", "state": "1"}'))
    assert (alert.title, alert.labels) == ("An alert without a name", {"sys_id": "1"})
