"""How far a rollout is, by what the cluster says of a workload.

The conditions are those of ``kubectl rollout status``.
"""

from collections.abc import Mapping
from typing import Any

from shared.calls.kubernetes import Scalable, Workload
from shared.connectors.underway import Progress

Object = Mapping[str, Any]


def rolled_out(kind: Workload, found: Object) -> Progress:
    """How far the rollout of a workload is."""
    if not _observed(found):
        return Progress(done=False, says="waiting for the controller to see the change")
    match kind:
        case Workload.DEPLOYMENT:
            return _deployment(found)
        case Workload.STATEFUL_SET:
            return _stateful_set(found)
    return _daemon_set(found)


def scaled(kind: Scalable, found: Object) -> Progress:
    """Whether there are as many replicas as wanted, and all of them are ready."""
    wanted, status = found["spec"].get("replicas", 1), found.get("status", {})
    there, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    if not _observed(found):
        return Progress(done=False, says="waiting for the controller to see the change")
    says = f"{kind} has {there} replicas, {ready} ready, {wanted} wanted"
    return Progress(done=there == ready == wanted, says=says)


def _observed(found: Object) -> bool:
    seen: int = found.get("status", {}).get("observedGeneration", 0)
    generation: int = found["metadata"].get("generation", 0)
    return seen >= generation


def _deployment(found: Object) -> Progress:
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    for condition in status.get("conditions") or ():
        if condition.get("reason") == "ProgressDeadlineExceeded":
            said = condition.get("message", "")
            return Progress(done=False, says=f"it makes no progress: {said}", failed=True)
    updated, there = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return Progress(done=False, says=f"{updated} of {wanted} new replicas are there")
    if there > updated:
        return Progress(done=False, says=f"{there - updated} old replicas are still there")
    if available < updated:
        return Progress(done=False, says=f"{available} of {updated} new replicas are available")
    return Progress(done=True, says=f"{available} new replicas are available")


def _stateful_set(found: Object) -> Progress:
    status, spec = found.get("status", {}), found["spec"]
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    strategy = spec.get("updateStrategy", {})
    if strategy.get("type") == "OnDelete":
        return _on_delete()
    if ready < wanted:
        return Progress(done=False, says=f"{ready} of {wanted} pods are ready")
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    updated = status.get("updatedReplicas", 0)
    if updated < wanted - partition:
        return Progress(done=False, says=f"{updated} of {wanted - partition} pods are new")
    if not partition and status.get("updateRevision") != status.get("currentRevision"):
        return Progress(done=False, says=f"{updated} of {wanted} pods are new")
    return Progress(done=True, says=f"{ready} pods are ready")


def _daemon_set(found: Object) -> Progress:
    status = found.get("status", {})
    if found["spec"].get("updateStrategy", {}).get("type") == "OnDelete":
        return _on_delete()
    wanted, updated = (
        status.get("desiredNumberScheduled", 0),
        status.get("updatedNumberScheduled", 0),
    )
    available = status.get("numberAvailable", 0)
    if updated < wanted:
        return Progress(done=False, says=f"{updated} of {wanted} pods are new")
    if available < wanted:
        return Progress(done=False, says=f"{available} of {wanted} pods are available")
    return Progress(done=True, says=f"{available} pods are available")


def _on_delete() -> Progress:
    says = "its pods are made anew only when they are deleted: there is nothing to wait for"
    return Progress(done=True, says=says)
