"""Earlier revisions of a workload, and the patch that goes back to one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.calls.kubernetes import RolloutUndo, Workload
from shared.connectors.kubernetes.api import JSON_PATCH, STRATEGIC, Api, Request
from shared.connectors.kubernetes.objects import FIELD_MANAGER, Ref, mark
from shared.connectors.underway import CallRefusedError

_REVISION: Final = "deployment.kubernetes.io/revision"
_HASH: Final = "pod-template-hash"

Object = Mapping[str, Any]


async def undoing(api: Api, call: RolloutUndo, ref: Ref, found: Object, key: str) -> Request:
    """The request that goes back; it is refused when the workload changes meanwhile.

    Raises:
        CallRefusedError: there is no such revision, or the deployment is paused.
    """
    query = {"fieldManager": FIELD_MANAGER}
    if call.kind is Workload.DEPLOYMENT:
        if found["spec"].get("paused"):
            raise CallRefusedError(f"{ref} is paused: resume it first")
        owned = await _owned(api, Ref.in_apps("replicasets", call.namespace), found)
        wanted = _wanted({_deployed(one): one for one in owned}, call.revision)
        return Request("PATCH", ref.path, query, _template(found, wanted, key), JSON_PATCH)
    owned = await _owned(api, Ref.in_apps("controllerrevisions", call.namespace), found)
    wanted = _wanted({int(one["revision"]): one for one in owned}, call.revision)
    version = {"resourceVersion": found["metadata"]["resourceVersion"]}
    body = {**wanted["data"], "metadata": {"annotations": mark(found, key), **version}}
    return Request("PATCH", ref.path, query, body, STRATEGIC)


async def _owned(api: Api, place: Ref, owner: Object) -> list[Object]:
    uid = owner["metadata"]["uid"]
    listed = await api.get(place.path)
    return [
        one
        for one in listed.get("items") or ()
        if any(by["uid"] == uid for by in one["metadata"].get("ownerReferences") or ())
    ]


def _deployed(replica_set: Object) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _wanted(by_revision: Mapping[int, Object], revision: int | None) -> Object:
    if revision is not None:
        if revision not in by_revision:
            raise CallRefusedError(f"there is no revision {revision}: {_said(by_revision)}")
        return by_revision[revision]
    earlier = sorted(by_revision)[:-1]
    if not earlier:
        raise CallRefusedError("there is no revision before this one")
    return by_revision[earlier[-1]]


def _said(revisions: Iterable[int]) -> str:
    return f"there are {', '.join(map(str, sorted(revisions))) or 'none'}"


def _template(found: Object, wanted: Object, key: str) -> list[dict[str, Any]]:
    template = {**wanted["spec"]["template"]}
    meta = {**template.get("metadata", {})}
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if name != _HASH}
    template["metadata"] = {**meta, "labels": labels}
    version = found["metadata"]["resourceVersion"]
    annotations = {**(found["metadata"].get("annotations") or {}), **mark(found, key)}
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]
