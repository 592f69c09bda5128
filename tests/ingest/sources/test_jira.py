"""Jira's issues, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.jira import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

TO_DO, WORKED_ON, DONE = ("Open", "new"), ("In Progress", "indeterminate"), ("Resolved", "done")


def issue(event="created", status=TO_DO, changed=(), id_="10042", key="OPS-42", **fields):
    name, category = status
    site = "https://jira.example.com"
    payload = {
        "timestamp": 1772359200123,
        "webhookEvent": f"jira:issue_{event}",
        "issue_event_type_name": f"issue_{event}",
        "user": {"accountId": "5b10a2844c20165700ede21g", "displayName": "Ada"},
        "issue": {
            "id": id_,
            "self": f"{site}/rest/api/2/issue/{id_}",
            "key": key,
            "fields": {
                "summary": "Checkout is slow",
                "description": "Takes 20 s since ten o'clock",
                "issuetype": {"id": "10001", "name": "Incident", "subtask": False},
                "project": {"id": "10000", "key": "OPS", "name": "Operations"},
                "priority": {"id": "2", "name": "High"},
                "status": {
                    "name": name,
                    "id": "1",
                    "statusCategory": {"id": 2, "key": category, "name": name},
                },
                "labels": ["shop", "prod"],
                "components": [{"id": "1", "name": "checkout"}],
                "created": "2026-03-01T11:00:00.000+0100",
                "updated": "2026-03-01T11:15:00.000+0100",
                "resolutiondate": None,
                **fields,
            },
        },
    }
    if changed:
        items = [{"field": field, "fieldtype": "jira", "from": "1"} for field in changed]
        payload["changelog"] = {"id": "10124", "items": items}
    return Webhook("jira", json.dumps(payload).encode())


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=issue(),
        resolved=issue("updated", DONE, ["status"], key="WEB-7", summary="Renamed meanwhile"),
        second=issue(id_="10043", key="OPS-43"),
        again=[issue("updated", WORKED_ON, ["priority"], priority={"name": "Highest"})],
        malformed=[
            Webhook("jira", b"{"),
            Webhook("jira", b'{"webhookEvent": "comment_created"}'),
            issue("commented"),
            issue(status=("Open", ["new"])),
            issue(created="yesterday"),
            issue(id_=None),
        ],
    )


@pytest.mark.parametrize(
    ("webhook", "said"),
    [
        (issue("created", TO_DO), [AlertStatus.FIRING]),
        (issue("created", WORKED_ON), [AlertStatus.FIRING]),
        (issue("created", DONE), [AlertStatus.RESOLVED]),
        (issue("updated", TO_DO, ["status"]), [AlertStatus.FIRING]),
        (issue("updated", WORKED_ON, ["resolution", "status"]), [AlertStatus.FIRING]),
        (issue("updated", WORKED_ON, ["status"]), []),
        (issue("updated", TO_DO, ["description"]), []),
        (issue("updated", TO_DO), []),
        (issue("updated", DONE), [AlertStatus.RESOLVED]),
        (issue("deleted", WORKED_ON), [AlertStatus.RESOLVED]),
    ],
)
def test_an_issue_fires_until_it_is_done(webhook, said):
    assert [alert.status for alert in parse(webhook)] == said


def test_what_an_issue_says_is_taken_over():
    (alert,) = parse(issue())
    assert (alert.name, alert.title) == ("Checkout is slow", "OPS-42: Checkout is slow")
    assert alert.description == "Takes 20 s since ten o'clock"
    assert alert.resource == alert.labels["component"] == "checkout"
    assert (alert.labels["project"], alert.labels["labels"]) == ("OPS", "shop,prod")
    assert alert.links == {"jira": "https://jira.example.com/browse/OPS-42"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("resolved", "ended"),
    [("2026-03-01T11:10:00.000+0100", 10), (None, 15)],
    ids=["told", "by its last change"],
)
def test_an_issue_that_is_done_tells_when(resolved, ended):
    (alert,) = parse(issue("updated", DONE, resolutiondate=resolved))
    assert alert.ends_at == datetime(2026, 3, 1, 10, ended, tzinfo=UTC)


@pytest.mark.parametrize(
    ("priority", "severity"),
    [
        ({"name": "Highest"}, Severity.P1),
        ({"name": "High"}, Severity.P2),
        ({"name": "Medium"}, Severity.P3),
        ({"name": "Lowest"}, Severity.P4),
        ({"name": "Whenever"}, None),
        (None, None),
    ],
)
def test_severity_follows_the_priority(priority, severity):
    (alert,) = parse(issue(priority=priority))
    assert alert.severity is severity


def test_an_issue_with_little_in_it_is_an_alert():
    document = {"type": "doc", "version": 1, "content": []}
    (alert,) = parse(issue(description=document, components=None, project=None, summary=None))
    assert (alert.title, alert.description, alert.resource) == ("OPS-42", "", "")
