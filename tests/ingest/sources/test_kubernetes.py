"""Kubernetes events, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.kubernetes import parse
from services.ingest.webhook import Webhook
from shared.events import AlertStatus
from shared.lifecycle import Severity
from tests.ingest.sources.contract import assert_contract


def core(reason="BackOff", kind="Pod", name="shop-7d9f-x2x4q", **fields):
    """A core/v1 event with what the exporter adds."""
    return {
        "metadata": {
            "name": f"{name}.18a1b2c3d4e5f607",
            "namespace": "web",
            "uid": "0b4c2f9e-7a9e-4d52-8c4e-0d0a52f1c001",
            "creationTimestamp": "2026-03-01T10:00:00Z",
        },
        "reason": reason,
        "message": "Back-off restarting failed container shop in pod shop-7d9f-x2x4q_web",
        "source": {"component": "kubelet", "host": "node-3"},
        "firstTimestamp": "2026-03-01T10:00:00Z",
        "lastTimestamp": "2026-03-01T10:05:00Z",
        "count": 12,
        "type": "Warning",
        "eventTime": None,
        "reportingComponent": "kubelet",
        "reportingInstance": "node-3",
        "clusterName": "prod-eu",
        "involvedObject": {
            "kind": kind,
            "namespace": "web",
            "name": name,
            "uid": "4a7e7f0e-3f43-4a3c-9d0e-2a2e8b0e0001",
            "apiVersion": "v1",
            "resourceVersion": "381",
            "fieldPath": "spec.containers{shop}" if kind == "Pod" else None,
            "labels": {"app.kubernetes.io/name": "shop", "pod-template-hash": "7d9f"},
            "annotations": None,
        },
        **fields,
    }


def node(reason, name="node-3", kind="Normal"):
    event = core(reason, "Node", name, type=kind, message=f"Node {name} status is now: {reason}")
    return post({**event, "involvedObject": {"kind": "Node", "name": name, "uid": name}})


def modern(reason="FailedScheduling", name="shop-0", **fields):
    """An events.k8s.io/v1 event."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.18a1", "namespace": "web"},
        "eventTime": "2026-03-01T10:00:00.123456Z",
        "action": "Scheduling",
        "reason": reason,
        "regarding": {"kind": "Pod", "namespace": "web", "name": name, "apiVersion": "v1"},
        "note": "0/3 nodes are available: 3 Insufficient memory.",
        "type": "Warning",
        "reportingController": "default-scheduler",
        "reportingInstance": "default-scheduler-cp-1",
        "series": {"count": 4, "lastObservedTime": "2026-03-01T10:04:00.000000Z"},
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
        **fields,
    }


def post(said):
    return Webhook("k8s", json.dumps(said).encode())


MALFORMED = [
    Webhook("k8s", b""),
    post([]),
    post({}),
    post({"type": "ADDED", "object": []}),
    post(core(reason="")),
    post(core(involvedObject={"kind": "Pod"})),
    post(core(involvedObject=None)),
    post(core(firstTimestamp="then")),
    post(core(source="kubelet")),
    post(core(message=["a"])),
]


def test_scheduling_keeps_the_contract_of_sources():
    assert_contract(
        parse,
        firing=post(modern()),
        resolved=post(modern("Scheduled", type="Normal", action="Binding")),
        second=post(modern(name="shop-1")),
        again=[post(modern(note="0/4 nodes are available"))],
        malformed=MALFORMED,
    )


def test_nodes_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=node("NodeNotReady"),
        resolved=node("NodeReady"),
        second=node("NodeNotReady", "node-4"),
        again=[node("NodeNotReady", kind="Warning")],
    )


def test_what_an_event_says_is_taken_over():
    (alert,) = parse(post(core()))
    assert (alert.name, alert.title) == ("BackOff", "BackOff: Pod web/shop-7d9f-x2x4q")
    assert alert.description.startswith("Back-off restarting")
    assert alert.severity is Severity.P3
    assert alert.resource == "pod/web/shop-7d9f-x2x4q"
    assert alert.labels == {
        "cluster": "prod-eu",
        "kind": "Pod",
        "namespace": "web",
        "object": "shop-7d9f-x2x4q",
        "pod": "shop-7d9f-x2x4q",
        "instance": "shop-7d9f-x2x4q",
        "container": "shop",
        "reason": "BackOff",
        "service": "shop",
    }
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_two_containers_and_two_clusters_have_two_problems():
    other = core()
    other["involvedObject"]["fieldPath"] = "spec.containers{proxy}"
    events = [core(), other, core(clusterName="prod-us"), core("Unhealthy")]
    assert len({parse(post(event))[0].fingerprint for event in events}) == 4


def test_a_watch_is_unwrapped():
    assert parse(post({"type": "MODIFIED", "object": core()})) == parse(post(core()))
    assert parse(post({"type": "DELETED", "object": core()})) == ()


@pytest.mark.parametrize("reason", ["Started", "Pulled", "Killing"])
def test_normal_events_give_no_alert(reason):
    assert parse(post(core(reason, type="Normal"))) == ()


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("NodeHasDiskPressure", "NodeHasNoDiskPressure"),
        ("NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
        ("NodeHasInsufficientPID", "NodeHasSufficientPID"),
    ],
)
def test_a_node_without_room_fires_until_it_has(bad, good):
    (fired,), (over,) = parse(node(bad)), parse(node(good))
    assert (fired.status, over.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert fired.fingerprint == over.fingerprint


def test_what_kills_is_worse_than_a_warning():
    assert parse(node("SystemOOM", kind="Warning"))[0].severity is Severity.P2
