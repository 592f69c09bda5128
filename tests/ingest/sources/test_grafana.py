"""Grafana's notifications, read: of unified alerting and of the legacy one."""

import json

import pytest
from pydantic import ValidationError

from services.ingest.sources.grafana import parse
from services.ingest.ticket import variant
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def alert(instance="db-1", severity="critical", status="firing", **fields):
    return {
        "status": status,
        "labels": {
            "alertname": "DiskFull",
            "grafana_folder": "Storage",
            "instance": instance,
            "severity": severity,
        },
        "annotations": {
            "summary": f"The disk of {instance} is full",
            "description": "Less than 5 % are free.",
            "runbook_url": "https://runbooks.example.com/disk",
        },
        "startsAt": "2026-03-01T11:00:00.157076+01:00",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-03-01T10:30:00Z",
        "generatorURL": "https://grafana.example.com/alerting/grafana/cdeqmlhvflz40f/view?orgId=1",
        "fingerprint": "c6eadffa33fcdf37",
        "silenceURL": "https://grafana.example.com/alerting/silence/new?alertmanager=grafana",
        "dashboardURL": "https://grafana.example.com/d/disks",
        "panelURL": "",
        "values": {"B": 97.2, "C": 1},
        "valueString": "[ var='B' labels={instance=db-1} value=97.2 ]",
        **fields,
    }


def unified(*alerts, **fields):
    body = {
        "receiver": "handrail",
        "status": "firing",
        "orgId": 1,
        "alerts": list(alerts),
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {"alertname": "DiskFull"},
        "commonAnnotations": {},
        "externalURL": "https://grafana.example.com/",
        "version": "1",
        "groupKey": '{}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
        "title": "[FIRING:1] DiskFull",
        "state": "alerting",
        "message": "**Firing**",
        **fields,
    }
    return Webhook("grafana", json.dumps(body).encode())


def legacy(state="alerting", **fields):
    body = {
        "dashboardId": 12,
        "evalMatches": [{"value": 97.2, "metric": "db-1", "tags": {"instance": "db-1"}}],
        "imageUrl": "https://grafana.example.com/render/1.png",
        "message": "Less than 5 % are free.",
        "orgId": 1,
        "panelId": 4,
        "ruleId": 92,
        "ruleName": "Disk full alert",
        "ruleUrl": "https://grafana.example.com/d/disks?tab=alert&viewPanel=4",
        "state": state,
        "tags": {"severity": "warning"},
        "title": f"[{state.title()}] Disk full alert",
        **fields,
    }
    return Webhook("grafana", json.dumps(body).encode())


def test_unified_alerts_keep_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=unified(alert()),
        resolved=unified(alert(status="resolved")),
        second=unified(alert("db-2")),
        again=[unified(alert(severity="warning", values={"B": 99.1}))],
        malformed=[
            Webhook("grafana", b"{"),
            Webhook("grafana", b"[]"),
            Webhook("grafana", b"{}"),
            unified(),
            unified(alert(status="pending")),
            unified(alert(labels=None)),
            unified(alert(startsAt=1e300)),
            unified(*[{"status": "firing", "labels": {}}] * 10_001),
        ],
    )


def test_legacy_rules_keep_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=legacy(),
        resolved=legacy("ok", evalMatches=None, ruleName="Renamed", message=None),
        second=legacy(ruleId=93),
        again=[legacy("no_data", evalMatches=[]), legacy(tags={"severity": "critical"})],
        malformed=[legacy("odd"), legacy(ruleId=None), legacy(evalMatches=7), legacy(tags=[])],
    )


def test_a_group_becomes_its_alerts_in_order():
    alerts = parse(unified(alert(), alert("db-2", status="resolved")))
    assert [(one.labels["instance"], one.status) for one in alerts] == [
        ("db-1", AlertStatus.FIRING),
        ("db-2", AlertStatus.RESOLVED),
    ]


def test_what_a_unified_alert_says_is_taken_over():
    (one,) = parse(unified(alert()))
    assert (one.name, one.title) == ("DiskFull", "The disk of db-1 is full")
    assert (one.severity, one.resource) == (Severity.P1, "db-1")
    assert one.links == {
        "generator": "https://grafana.example.com/alerting/grafana/cdeqmlhvflz40f/view?orgId=1",
        "dashboard": "https://grafana.example.com/d/disks",
        "silence": "https://grafana.example.com/alerting/silence/new?alertmanager=grafana",
        "runbook": "https://runbooks.example.com/disk",
        "grafana": "https://grafana.example.com/",
    }


def test_what_a_legacy_rule_says_is_taken_over():
    (one,) = parse(legacy())
    assert (one.name, one.title) == ("Disk full alert", "Disk full alert")
    assert (one.severity, one.resource) == (Severity.P3, "db-1")
    assert one.labels["rule_id"] == "92"
    assert one.links["rule"].endswith("viewPanel=4")


def test_two_organisations_never_share_a_problem():
    (here,), (there,) = parse(unified(alert())), parse(unified(alert(), orgId=2))
    assert here.fingerprint != there.fingerprint


def test_two_rules_on_one_problem_are_told_apart():
    (warning,), (critical,) = parse(unified(alert(severity="warning"))), parse(unified(alert()))
    assert variant(warning) != variant(critical)


def test_a_legacy_rule_without_data_fires():
    (one,) = parse(legacy("no_data", evalMatches=[]))
    assert one.status is AlertStatus.FIRING


@pytest.mark.parametrize("state", ["pending", "paused", "unknown"])
def test_a_legacy_rule_that_neither_fires_nor_is_over_gives_no_alert(state):
    assert parse(legacy(state)) == ()


def test_the_place_that_is_wrong_is_told():
    with pytest.raises(ValidationError) as refused:
        parse(unified(alert(labels=None)))
    assert refused.value.errors()[0]["loc"] == ("unified", "alerts", 0, "labels")
