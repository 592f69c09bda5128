"""Site24x7's notifications, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.site24x7 import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def hook(status="DOWN", **fields):
    said = {
        "MONITOR_DASHBOARD_LINK": "https://www.site24x7.com/app/client#/home/monitors/77/Summary",
        "MONITORTYPE": "URL",
        "MONITOR_ID": 77000000025001,
        "STATUS": status,
        "MONITORNAME": "Shop",
        "FAILED_LOCATIONS": "Dublin-IE,Frankfurt-DE",
        "INCIDENT_REASON": "Connection refused",
        "INCIDENT_TIME": "March 1, 2026 3:30 PM IST",
        "INCIDENT_TIME_ISO": "2026-03-01T15:30:00+0530",
        "OUTAGE_TIME_UNIX_FORMAT": "1772359200000",
        "MONITORURL": "https://shop.example.com",
        "MONITOR_GROUPNAME": "Web",
        "POLLFREQUENCY": 5,
        "TIMEZONE": "Asia/Kolkata",
        "GROUP_TAGS": ["Web"],
        "TAGS": ["team:web", "env:prod"],
        "RCA_LINK": "https://www.site24x7.com/rca.do?id=9",
        **fields,
    }
    return Webhook("site24x7", json.dumps(said).encode())


MALFORMED = [
    Webhook("site24x7", b""),
    Webhook("site24x7", b"[]"),
    Webhook("site24x7", b'{"STATUS": "DOWN"}'),
    hook(status=1),
    hook(MONITORNAME=None),
    hook(MONITOR_ID=[]),
    hook(TAGS={"a": 1}),
    hook(INCIDENT_TIME_ISO="soon"),
    hook(OUTAGE_TIME_UNIX_FORMAT="9" * 400),
]


def test_the_contract_of_sources_is_kept():
    assert_contract(
        parse,
        firing=hook(),
        resolved=hook("UP", INCIDENT_REASON="", FAILED_LOCATIONS=None),
        second=hook(MONITOR_ID=77000000025002),
        again=[hook("TROUBLE"), hook(INCIDENT_REASON="Timeout"), hook(MONITOR_ID="77000000025001")],
        malformed=MALFORMED,
    )


def test_what_a_notification_says_is_taken_over():
    (alert,) = parse(hook())
    assert (alert.name, alert.title) == ("Shop", "Shop is down")
    assert alert.description == "Connection refused"
    assert alert.resource == "https://shop.example.com"
    assert alert.labels["host"] == "shop.example.com"
    assert alert.labels["tags"] == "team:web,env:prod"
    assert set(alert.links) == {"dashboard", "monitor", "cause"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_the_end_is_the_time_of_the_notification():
    (alert,) = parse(hook("UP", INCIDENT_TIME_ISO="2026-03-01T15:45:00+0530"))
    assert (alert.starts_at, alert.ends_at) == (None, datetime(2026, 3, 1, 10, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "severity"),
    [("DOWN", Severity.P1), ("Critical", Severity.P2), ("TROUBLE", Severity.P3), ("UP", None)],
)
def test_severity_follows_the_state(status, severity):
    assert parse(hook(status))[0].severity is severity


@pytest.mark.parametrize("status", ["MAINTENANCE", "SUSPENDED", "DISCOVERY IN PROGRESS"])
def test_other_states_give_no_alert(status):
    assert parse(hook(status)) == ()
