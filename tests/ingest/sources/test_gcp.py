"""Google Cloud Monitoring's incidents, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.gcp import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def incident(state="open", instance="8979287136362607111", version="1.2", **fields):
    body = {
        "incident_id": "0.mtdi83m6w8ao",
        "scoping_project_id": "example-shop",
        "scoping_project_number": 286919713412,
        "url": "https://console.cloud.google.com/monitoring/alerting/incidents/0.mtdi83m6w8ao",
        "started_at": 1772359200,
        "ended_at": None if state == "open" else 1772361000,
        "state": state,
        "severity": "Warning",
        "summary": "CPU utilization for web-1 is above the threshold of 0.8 with a value of 0.97.",
        "observed_value": "0.97",
        "threshold_value": "0.8",
        "resource": {
            "type": "gce_instance",
            "labels": {"instance_id": instance, "zone": "eu-1a", "project_id": "example-shop"},
        },
        "resource_type_display_name": "VM Instance",
        "resource_id": "",
        "resource_display_name": "web-1",
        "resource_name": "example-shop web-1",
        "metric": {
            "type": "compute.googleapis.com/instance/cpu/utilization",
            "displayName": "CPU utilization",
            "labels": {"instance_name": "web-1"},
        },
        "metadata": {"system_labels": {}, "user_labels": {"tier": "front"}},
        "policy_name": "CPU is high",
        "policy_user_labels": {"service": "shop"},
        "condition": {
            "name": "projects/example-shop/alertPolicies/109/conditions/713",
            "displayName": "VM Instance - CPU utilization",
        },
        "condition_name": "VM Instance - CPU utilization",
        "documentation": {
            "content": "Add machines.",
            "mime_type": "text/markdown",
            "links": [{"displayName": "Runbook", "url": "https://runbooks.example.com/cpu"}],
        },
        **fields,
    }
    return Webhook("gcp", json.dumps({"version": version, "incident": body}).encode())


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=incident(),
        resolved=incident("closed", summary="It returned to normal.", metadata=None),
        second=incident(instance="8979287136362607222"),
        again=[
            incident(severity="Critical", observed_value="0.99"),
            incident(incident_id="0.another", policy_name="Renamed", started_at=1772362800),
        ],
        malformed=[
            Webhook("gcp", b"{"),
            Webhook("gcp", b'{"version": "1.2"}'),
            incident("odd"),
            incident(7),
            incident(incident_id=""),
            incident(resource=[]),
            incident(started_at=1e300),
            incident(documentation=7),
        ],
    )


def test_an_aggregating_policy_is_told_apart_by_the_metadata():
    aggregated = {"resource": {"type": "x", "labels": {"project_id": "p"}}, "metric": None}
    front, back = (
        parse(incident(**aggregated, metadata={"user_labels": {"tier": tier}}))[0]
        for tier in ("front", "back")
    )
    assert front.fingerprint != back.fingerprint


def test_the_form_with_little_in_it_is_read():
    little = dict.fromkeys(
        ("scoping_project_id", "condition", "metric", "metadata", "documentation", "severity")
    )
    (alert,) = parse(incident(**little, resource_display_name=None))
    assert (alert.name, alert.resource) == ("CPU is high", "example-shop web-1")


def test_a_trial_notification_is_read():
    (alert,) = parse(
        incident("OPEN", version="test", documentation="Test", started_at=0, ended_at=0)
    )
    assert alert.starts_at is None


def test_what_an_incident_says_is_taken_over():
    (alert,) = parse(incident("closed"))
    assert (alert.name, alert.title) == ("CPU is high", "VM Instance - CPU utilization")
    assert (alert.resource, alert.severity) == ("web-1", Severity.P3)
    assert alert.labels == {
        "instance": "web-1",
        "instance_name": "web-1",
        "instance_id": "8979287136362607111",
        "zone": "eu-1a",
        "project_id": "example-shop",
        "project": "example-shop",
        "tier": "front",
        "service": "shop",
        "resource_type": "gce_instance",
        "metric": "compute.googleapis.com/instance/cpu/utilization",
        "condition": "VM Instance - CPU utilization",
    }
    assert alert.links == {
        "incident": "https://console.cloud.google.com/monitoring/alerting/incidents/0.mtdi83m6w8ao",
        "runbook": "https://runbooks.example.com/cpu",
    }
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert alert.ends_at == datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Critical", Severity.P1),
        ("Error", Severity.P2),
        ("Warning", Severity.P3),
        ("No severity", None),
        (None, None),
    ],
)
def test_severity_follows_the_policy(word, severity):
    assert parse(incident(severity=word))[0].severity is severity


def test_an_acknowledged_incident_gives_no_alert():
    assert parse(incident("acknowledged")) == ()
