"""Azure Monitor's alerts, read: the common alert schema."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.azure import parse
from services.ingest.webhook import Webhook
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract

TARGET = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/shop"
    "/providers/microsoft.compute/virtualmachines/"
)


def criterion(*dimensions, value=97.1):
    return {
        "metricName": "Percentage CPU",
        "metricNamespace": "Microsoft.Compute/virtualMachines",
        "operator": "GreaterThan",
        "threshold": "80",
        "timeAggregation": "Average",
        "dimensions": [{"name": name, "value": text} for name, text in dimensions],
        "metricValue": value,
    }


def notification(condition="Fired", machine="web-1", context=None, **fields):
    essentials = {
        "alertId": "/subscriptions/11111111-2222-3333-4444-555555555555"
        "/providers/Microsoft.AlertsManagement/alerts/b9569717-bc32-442f-add5-83a997729330",
        "alertRule": "CPU high",
        "severity": "Sev2",
        "signalType": "Metric",
        "monitorCondition": condition,
        "monitoringService": "Platform",
        "alertTargetIDs": [TARGET + machine],
        "configurationItems": [machine],
        "originAlertId": "3f2d4487_shop_microsoft.insights_metricAlerts_CPU_-117781227",
        "firedDateTime": "2026-03-01T10:00:00.3713213Z",
        "description": "The machine computes too much.",
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
        **({"resolvedDateTime": "2026-03-01T10:30:00Z"} if condition == "Resolved" else {}),
        **fields,
    }
    usual = {
        "properties": None,
        "conditionType": "SingleResourceMultipleMetricCriteria",
        "condition": {"windowSize": "PT5M", "allOf": [criterion()]},
    }
    data = {"essentials": essentials, "alertContext": usual if context is None else context}
    body = {"schemaId": "azureMonitorCommonAlertSchema", "data": data}
    return Webhook("azure", json.dumps(body).encode())


def measured(*dimensions, **fields):
    return {"condition": {"allOf": [criterion(*dimensions, **fields)]}}


def test_the_contract_of_a_source():
    assert_contract(
        parse,
        firing=notification(),
        resolved=notification("Resolved", machine="WEB-1", description=None),
        second=notification(machine="web-2"),
        again=[
            notification(severity="Sev0", context=measured(value=99.9)),
            notification(alertId="/subscriptions/1/alerts/2", firedDateTime="2026-03-02T10:00:00Z"),
        ],
        malformed=[
            Webhook("azure", b"{"),
            Webhook("azure", b'{"schemaId": "Microsoft.Insights/LogAlert", "data": {}}'),
            notification("Acknowledged"),
            notification(alertRule=""),
            notification(alertTargetIDs="x"),
            notification(context={"condition": {"allOf": [7]}}),
            notification(context=[]),
            notification(firedDateTime="soon"),
        ],
    )


def test_a_rule_over_dimensions_has_an_instance_for_each():
    assert_contract(
        parse,
        firing=notification(context=measured(("Disk", "C:"), ("Host", "a"))),
        resolved=notification("Resolved", context=measured(("Host", "a"), ("Disk", "C:"), value=3)),
        second=notification(context=measured(("Disk", "D:"), ("Host", "a"))),
    )


def prometheus(pod="web-1", severity="critical"):
    return notification(
        context={
            "interval": "PT1M",
            "expression": "up == 0",
            "labels": {"alertname": "Down", "pod": pod, "namespace": "shop", "severity": severity},
            "annotations": {"summary": f"{pod} is down"},
        },
        monitoringService="Prometheus",
        alertTargetIDs=None,
    )


def test_a_prometheus_rule_has_an_instance_for_each_of_its_labels():
    (one,), (same,), (other,) = (
        parse(said) for said in (prometheus(), prometheus(severity="info"), prometheus("web-2"))
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert (one.title, one.labels["namespace"]) == ("web-1 is down", "shop")


def test_two_incidents_of_service_health_are_two_problems():
    one, other = (
        parse(notification(context={"properties": {"trackingId": id_, "title": "Outage"}}))[0]
        for id_ in ("1DN7-9Z0", "8KP2-1X0")
    )
    assert one.fingerprint != other.fingerprint
    assert one.title == "Outage"


def test_what_an_alert_says_is_taken_over():
    (alert,) = parse(notification("Resolved", context=measured(("DiskName", "C:"))))
    assert (alert.name, alert.description) == ("CPU high", "The machine computes too much.")
    assert alert.resource == "web-1"
    assert alert.labels == {
        "subscription": "11111111-2222-3333-4444-555555555555",
        "resource_group": "shop",
        "resource_type": "microsoft.compute/virtualmachines",
        "instance": "web-1",
        "disk_name": "C:",
        "signal_type": "Metric",
        "monitoring_service": "Platform",
        "metric": "Percentage CPU",
        "namespace": "Microsoft.Compute/virtualMachines",
    }
    assert alert.links["alert"].startswith("https://portal.azure.com/#blade/")
    assert alert.links["alert"].endswith("%2Falerts%2Fb9569717-bc32-442f-add5-83a997729330")
    assert alert.starts_at == datetime(2026, 3, 1, 10, 0, 0, 371_321, tzinfo=UTC)
    assert alert.ends_at == datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Sev0", Severity.P1),
        ("Sev1", Severity.P2),
        ("Sev2", Severity.P3),
        ("Sev3", Severity.P4),
        ("Sev4", Severity.P4),
        ("Odd", None),
        (None, None),
    ],
)
def test_severity_follows_the_five_of_azure(word, severity):
    assert parse(notification(severity=word))[0].severity is severity
