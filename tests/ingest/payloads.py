"""Notifications as Alertmanager writes them on the wire."""

import json

GO_ZERO = "0001-01-01T00:00:00Z"


def fired(name="TargetDown", *, instance="web-1:9100", severity="critical", **labels):
    """One firing alert; further labels by their names."""
    return {
        "status": "firing",
        "labels": {
            "alertname": name,
            "instance": instance,
            "job": "web",
            "severity": severity,
            **labels,
        },
        "annotations": {
            "summary": f"{instance} does not answer",
            "description": "No scrape has worked for 5 minutes: “up” is 0 in Köln.",
            "runbook_url": "https://runbooks.example.com/target-down",
        },
        "startsAt": "2026-03-01T10:00:00.123456789Z",
        "endsAt": GO_ZERO,
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        "fingerprint": "1a30ba71cca2921f",
    }


def over(*args, **labels):
    """The same alert, resolved."""
    return {**fired(*args, **labels), "status": "resolved", "endsAt": "2026-03-01T12:15:30.5+02:00"}


def notification(*alerts, **fields):
    """A group of alerts, with all that Alertmanager says around them."""
    return {
        "receiver": "handrail",
        "status": "firing" if any(one["status"] == "firing" for one in alerts) else "resolved",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "TargetDown"},
        "commonLabels": {"alertname": "TargetDown", "job": "web"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.com",
        "version": "4",
        "groupKey": '{}/{severity="critical"}:{alertname="TargetDown"}',
        "truncatedAlerts": 0,
        **fields,
    }


def body(*alerts, **fields):
    return json.dumps(notification(*alerts, **fields), ensure_ascii=False).encode()
