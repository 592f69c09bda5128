"""Zabbix's events, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.zabbix import parse
from services.ingest.ticket import variant
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

TAGS = [{"tag": "component", "value": "storage"}, {"tag": "Service Name", "value": "shop"}]


def event(value="1", trigger="23104", id_="90311", **fields):
    payload = {
        "event_id": id_,
        "event_source": "0",
        "event_value": value,
        "event_update_status": "0",
        "event_update_action": "{EVENT.UPDATE.ACTION}",
        "event_name": "/var: Disk space is low (used > 90%)",
        "event_nseverity": "4",
        "event_opdata": "Used: 93.1 %",
        "event_tags": json.dumps(TAGS),
        "event_timestamp": "1772359200",
        "recovery_timestamp": "{EVENT.RECOVERY.TIMESTAMP}",
        "trigger_id": trigger,
        "trigger_name": "/var: Disk space is low (used > {$VFS.FS.PUSED.MAX.CRIT}%)",
        "trigger_description": "The volume's space usage exceeds the limit.",
        "trigger_url": "https://runbooks.example.com/disk",
        "host_name": "db-1",
        "host_ip": "192.0.2.21",
        "host_groups": "Databases, Linux servers",
        "zabbix_url": "https://zabbix.example.com/",
        "alert_message": "Problem started at 10:00:00 on 2026.03.01",
        **fields,
    }
    return Webhook("zabbix", json.dumps(payload).encode())


def update(action, **fields):
    return event(event_update_status="1", event_update_action=action, **fields)


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=event(),
        resolved=event("0", event_opdata="Used: 71 %", event_tags="[]", recovery_timestamp="1"),
        second=event(trigger="23105", id_="90312"),
        again=[
            event(id_="90400"),
            update("changed severity from High to Disaster", event_nseverity="5"),
        ],
        malformed=[
            Webhook("zabbix", b"{ALERT.MESSAGE}"),
            Webhook("zabbix", b"{}"),
            event("2"),
            event(trigger="{TRIGGER.ID}"),
            event(event_tags='{"component": "storage"}'),
            event(event_timestamp="10:00:00"),
            event(event_source="1"),
        ],
    )


def test_what_an_event_says_is_taken_over():
    (alert,) = parse(event())
    assert alert.name == "/var: Disk space is low (used > {$VFS.FS.PUSED.MAX.CRIT}%)"
    assert alert.title == "/var: Disk space is low (used > 90%)"
    assert alert.resource == alert.labels["host"] == "db-1"
    assert (alert.labels["component"], alert.labels["service_name"]) == ("storage", "shop")
    assert alert.links == {
        "zabbix": "https://zabbix.example.com/tr_events.php?triggerid=23104&eventid=90311",
        "runbook": "https://runbooks.example.com/disk",
    }
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_recovery_tells_when_where_this_version_knows():
    (told,) = parse(event("0", recovery_timestamp="1772360100"))
    (untold,) = parse(event("0"))
    assert (told.ends_at, untold.ends_at) == (datetime(2026, 3, 1, 10, 15, tzinfo=UTC), None)


def test_of_a_trigger_with_several_problems_each_ends_by_itself():
    (one,), (other,) = parse(event(id_="1")), parse(event(id_="2"))
    assert one.fingerprint == other.fingerprint
    assert variant(one) != variant(other)


@pytest.mark.parametrize("action", ["acknowledged", "commented", "closed", "suppressed"])
def test_another_update_is_no_alert(action):
    assert parse(update(action)) == ()


@pytest.mark.parametrize("value", ["*UNKNOWN*", "{HOST.HOST}", "{$ZABBIX.URL}", "", None])
def test_a_macro_that_was_not_resolved_says_nothing(value):
    (alert,) = parse(event(host_name=value, zabbix_url=value, event_tags=value or "[]"))
    assert (alert.resource, "host" in alert.labels) == ("192.0.2.21", False)
    assert set(alert.links) == {"runbook"}


@pytest.mark.parametrize(
    ("number", "severity"),
    [("0", None), ("1", Severity.P4), ("2", Severity.P3), ("3", Severity.P3), ("5", Severity.P1)],
)
def test_severity_follows_its_number(number, severity):
    (alert,) = parse(event(event_nseverity=number))
    assert alert.severity is severity
