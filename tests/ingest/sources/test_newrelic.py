"""New Relic's issues, read: the default template of a workflow's webhook."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.newrelic import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def issue(state="ACTIVATED", id_="c5faa7e6-7b54-402d-af79-f99601e0278c", **fields):
    body = {
        "id": id_,
        "issueUrl": f"https://radar-api.newrelic.example.com/accounts/1/issues/{id_}",
        "title": "web-1 query result is > 1.0 for 1 minutes on 'Disk full'",
        "priority": "CRITICAL",
        "impactedEntities": ["web-1", "web-2"],
        "totalIncidents": 1,
        "state": state,
        "trigger": "STATE_CHANGE",
        "isCorrelated": False,
        "createdAt": 1772359200000,
        "updatedAt": 1772361000000,
        "sources": ["newrelic"],
        "alertPolicyNames": ["Golden signals"],
        "alertConditionNames": ["Disk full"],
        "workflowName": "Handrail",
        **fields,
    }
    return Webhook("newrelic", json.dumps(body).encode())


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=issue(),
        resolved=issue(
            "CLOSED",
            trigger="INCIDENT_CLOSED",
            impactedEntities=["web-2", "web-1", "web-3"],
            alertConditionNames=["CPU", "Disk full"],
        ),
        second=issue(id_="95a9344a-2590-48ce-8d83-07e28b6d22c6"),
        again=[issue("CREATED"), issue(priority="HIGH", trigger="PRIORITY_CHANGED")],
        malformed=[
            Webhook("newrelic", b"{"),
            Webhook("newrelic", b"{}"),
            issue("OPEN"),
            issue([]),
            issue(id_=None),
            issue(id_=""),
            issue(impactedEntities={"a": 1}),
            issue(createdAt="soon"),
        ],
    )


def test_what_an_issue_says_is_taken_over():
    (alert,) = parse(issue("CLOSED"))
    assert alert.name == "Disk full"
    assert alert.title == "web-1 query result is > 1.0 for 1 minutes on 'Disk full'"
    assert alert.resource == "web-1, web-2"
    assert alert.labels == {
        "entity": "web-1",
        "policy": "Golden signals",
        "condition": "Disk full",
        "workflow": "Handrail",
    }
    assert alert.links["issue"].endswith("/issues/c5faa7e6-7b54-402d-af79-f99601e0278c")
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert alert.ends_at == datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


def test_an_issue_with_little_in_it_is_read():
    empty = ("title", "impactedEntities", "alertConditionNames", "createdAt", "updatedAt")
    (alert,) = parse(issue(id_="7", **dict.fromkeys(empty)))
    assert (alert.name, alert.resource) == ("Issue 7", "")


@pytest.mark.parametrize(
    ("priority", "severity"),
    [
        ("CRITICAL", Severity.P1),
        ("HIGH", Severity.P2),
        ("MEDIUM", Severity.P3),
        ("LOW", Severity.P4),
        (None, None),
    ],
)
def test_severity_follows_the_priority(priority, severity):
    assert parse(issue(priority=priority))[0].severity is severity


@pytest.mark.parametrize(
    "said",
    [issue("ACKNOWLEDGED"), issue("DEACTIVATED"), issue(trigger="ISSUE_ACKNOWLEDGED")],
    ids=["acknowledged", "quiet", "acknowledgement of an active one"],
)
def test_what_neither_fires_nor_is_over_gives_no_alert(said):
    assert parse(said) == ()
