"""The document of Nagios' and Icinga's notification commands, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.nagios import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def service(kind="PROBLEM", state="CRITICAL", host="web-1.example.com", **fields):
    said = {
        "notification_type": kind,
        "host": host,
        "address": "192.0.2.11",
        "host_state": "UP",
        "host_output": "PING OK",
        "host_groups": "web,linux",
        "service": "disk /",
        "service_state": state,
        "service_output": "DISK CRITICAL - free space: / 812 MB (3%)",
        "state_change": "1772359200",
        "url": "https://wiki.example.com/disk",
        **fields,
    }
    return Webhook("nagios", json.dumps(said).encode())


def host(kind="PROBLEM", state="DOWN", name="web-1.example.com"):
    # As Icinga sets it: no service at all, and its own spelling of the type.
    said = {
        "notification_type": kind.title(),
        "host": name,
        "address": "192.0.2.11",
        "host_state": state,
        "host_output": "CRITICAL - 192.0.2.11: rta nan, lost 100%",
        "state_change": "1772359200.517",
        "url": "",
    }
    return Webhook("nagios", json.dumps(said).encode())


MALFORMED = [
    Webhook("nagios", b"{"),
    Webhook("nagios", b"{}"),
    service(kind="$NOTIFICATIONTYPE$"),
    service(host=""),
    service(host="$HOSTNAME$"),
    service(host=["a"]),
    service(service={}),
    service(state_change="never"),
]


def test_services_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=service(),
        resolved=service("RECOVERY", "OK", service_output="DISK OK", state_change="1772360100"),
        second=service(host="web-2.example.com"),
        again=[service(state="WARNING"), service(service_output="2%")],
        malformed=MALFORMED,
    )


def test_hosts_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=host(),
        resolved=host("RECOVERY", "UP"),
        second=host(name="web-2.example.com"),
        again=[host(state="UNREACHABLE")],
    )


def test_what_a_notification_says_is_taken_over():
    (alert,) = parse(service())
    assert (alert.name, alert.title) == ("disk /", "disk / on web-1.example.com is CRITICAL")
    assert alert.description == "DISK CRITICAL - free space: / 812 MB (3%)"
    assert (alert.resource, alert.labels["service"]) == ("web-1.example.com", "disk /")
    assert alert.links == {"notes": "https://wiki.example.com/disk"}
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_service_and_its_host_are_two_problems():
    assert parse(service())[0].fingerprint != parse(host())[0].fingerprint
    assert parse(service())[0].fingerprint != parse(service(service="disk /var"))[0].fingerprint


@pytest.mark.parametrize(
    ("state", "severity"),
    [("CRITICAL", Severity.P1), ("WARNING", Severity.P3), ("UNKNOWN", Severity.P3), ("X", None)],
)
def test_severity_follows_the_state(state, severity):
    assert parse(service(state=state))[0].severity is severity


@pytest.mark.parametrize("kind", ["ACKNOWLEDGEMENT", "FLAPPINGSTART", "DowntimeStart", "CUSTOM"])
def test_other_notifications_give_no_alert(kind):
    assert parse(service(kind)) == ()


@pytest.mark.parametrize("kind", ["FLAPPINGSTOP", "FlappingEnd", "DOWNTIMEEND"])
def test_what_hid_a_recovery_and_ends_well_resolves(kind):
    assert parse(service(kind, "OK"))[0].status is AlertStatus.RESOLVED
    assert parse(service(kind, "CRITICAL")) == ()
