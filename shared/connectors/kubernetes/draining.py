"""Emptying a node: which pods go, which stay, and which nobody said may be lost."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.calls.kubernetes import Drain
from shared.connectors.kubernetes.api import (
    Api,
    BlockedError,
    ConflictError,
    NotFoundError,
    Request,
)
from shared.connectors.kubernetes.objects import Ref
from shared.connectors.underway import CallRefusedError, Report

_MIRROR: Final = "kubernetes.io/config.mirror"
_ENDED: Final = ("Succeeded", "Failed")
#: From one look at the pods that are left, and one try to evict those that may not go yet, to the
#: next.
ROUND: Final = 2.0


@dataclass(frozen=True)
class Pod:
    """A pod on the node."""

    namespace: str
    name: str
    uid: str
    owner: str = ""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Pod":
        meta = found["metadata"]
        return cls(meta["namespace"], meta["name"], meta["uid"], _owner(meta))

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Sorted:
    """The pods of a node; of those that may not be evicted, why."""

    going: tuple[Pod, ...]
    staying: tuple[Pod, ...]
    refused: tuple[str, ...]


def sorted_out(pods: Iterable[Mapping[str, Any]], call: Drain) -> Sorted:
    """Which pods go, as ``kubectl drain`` has it."""
    going, staying, refused = [], [], []
    for found in pods:
        pod = Pod.of(found)
        if pod.owner == "DaemonSet" or _MIRROR in (found["metadata"].get("annotations") or {}):
            staying.append(pod)
        elif why := _objection(found, pod, call):
            refused.append(f"{pod} {why}")
        else:
            going.append(pod)
    return Sorted(tuple(going), tuple(staying), tuple(refused))


@dataclass(frozen=True)
class Draining:
    """Pods off nodes of one cluster."""

    api: Api
    pause: float = ROUND

    async def sorted_out(self, call: Drain) -> Sorted:
        """The pods of the node.

        Raises:
            CallRefusedError: some may not be lost as the call stands.
        """
        found = sorted_out(await self._pods(call.node), call)
        if found.refused:
            raise CallRefusedError(f"the node is left as it is: {'; '.join(found.refused)}")
        return found

    async def empty(self, call: Drain, pods: Iterable[Pod], report: Report) -> None:
        """Evict the pods, however often a disruption budget says "not yet", and see them gone."""
        left = {pod.uid: pod for pod in pods}
        going: set[str] = set()
        blocked: set[str] = set()
        while left:
            for uid, pod in left.items():
                if uid not in going:
                    await self._evict(call, pod, going, blocked, report)
            there = {one["metadata"]["uid"] for one in await self._pods(call.node)}
            for uid in left.keys() - there:
                await report.say(f"{left.pop(uid)} is gone")
            if left:
                await asyncio.sleep(self.pause)

    async def _evict(
        self, call: Drain, pod: Pod, going: set[str], blocked: set[str], report: Report
    ) -> None:
        try:
            await self.api.send(_eviction(pod, call.grace))
        except (NotFoundError, ConflictError):
            # Gone meanwhile, or another pod has its name.
            going.add(pod.uid)
        except BlockedError as error:
            if pod.uid not in blocked:
                blocked.add(pod.uid)
                await report.say(f"{pod} has to wait: {error}")
        else:
            going.add(pod.uid)
            await report.say(f"{pod} is evicted")

    async def _pods(self, node: str) -> list[dict[str, Any]]:
        listed = await self.api.get("/api/v1/pods", fieldSelector=f"spec.nodeName={node}")
        return listed.get("items") or []


def _objection(found: Mapping[str, Any], pod: Pod, call: Drain) -> str:
    if found.get("status", {}).get("phase") in _ENDED:
        return ""
    if not pod.owner and not call.unmanaged:
        return "is not made again by anything: say unmanaged: true to lose it"
    local = any("emptyDir" in volume for volume in found["spec"].get("volumes") or ())
    if local and not call.lose_local_data:
        return "has data in an emptyDir: say lose_local_data: true to lose it"
    return ""


def _owner(meta: Mapping[str, Any]) -> str:
    owners = meta.get("ownerReferences") or ()
    return next((str(by["kind"]) for by in owners if by.get("controller")), "")


def _eviction(pod: Pod, grace: int | None) -> Request:
    options: dict[str, Any] = {"preconditions": {"uid": pod.uid}}
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": options,
    }
    ref = Ref.in_core("pods", pod.namespace, pod.name)
    return Request("POST", ref.sub("eviction"), body=body)
