"""Changes of one object, each one write that carries the key of its step."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.calls.call import Call
from shared.calls.kubernetes import (
    Cordon,
    Drain,
    Patch,
    RolloutRestart,
    RolloutUndo,
    Scalable,
    Scale,
    Uncordon,
    Workload,
)
from shared.connectors.kubernetes.api import (
    APPLY,
    MERGE,
    STRATEGIC,
    Api,
    ConflictError,
    NotFoundError,
    Request,
)
from shared.connectors.kubernetes.objects import (
    FIELD_MANAGER,
    RESTARTED_BY,
    Kinds,
    Ref,
    difference,
    dry,
    is_done_by,
    mark,
)
from shared.connectors.kubernetes.revisions import undoing
from shared.connectors.kubernetes.rollouts import rolled_out, scaled
from shared.connectors.kubernetes.watching import Judge
from shared.connectors.underway import Progress

#: Calls that are one change of one object.
CHANGES: Final = (RolloutRestart, RolloutUndo, Scale, Cordon, Uncordon, Patch)
#: Those that can be waited for.
_WAITED: Final = (RolloutRestart, RolloutUndo, Scale)
Changing = RolloutRestart | RolloutUndo | Scale | Cordon | Uncordon | Patch | Drain


@dataclass(frozen=True)
class Change:
    """A write, and the object as it was before; without one, it is to be made."""

    ref: Ref
    before: Mapping[str, Any]
    request: Request


@dataclass(frozen=True)
class Changes:
    """What changes objects of one cluster."""

    api: Api
    kinds: Kinds

    async def make(self, call: Changing, key: str) -> tuple[Ref, bool]:
        """Change the object, unless the same key has; whether it had.

        Raises:
            CallRefusedError: the cluster does not do it.
        """
        change = await self._of(call, key)
        if is_done_by(change.before, key):
            return change.ref, True
        try:
            await self._send(change.request)
        except ConflictError as error:
            # An answer that got lost looks like somebody else's change when it is sent again.
            if is_done_by(await self.api.get(change.ref.path), key):
                return change.ref, True
            raise _explained(error) from error
        return change.ref, False

    async def tried(self, call: Changing, key: str) -> str:
        """What the server says that it would change.

        Raises:
            CallRefusedError: see ``make``.
        """
        change = await self._of(call, key)
        try:
            after = await self._send(dry(change.request))
        except ConflictError as error:
            raise _explained(error) from error
        return difference(change.before, after)

    async def _of(self, call: Changing, key: str) -> Change:
        ref = await self._ref(call)
        before = await self._before(call, ref)
        if isinstance(call, RolloutUndo):
            return Change(ref, before, await undoing(self.api, call, ref, before, key))
        return Change(ref, before, _request(call, ref, before, key))

    async def _ref(self, call: Changing) -> Ref:
        match call:
            case RolloutRestart() | RolloutUndo() | Scale():
                return Ref.in_apps(f"{call.kind}s", call.namespace, call.name)
            case Patch():
                return await self.kinds.ref(call.api_version, call.kind, call.namespace, call.name)
        return Ref.node(call.node)

    async def _before(self, call: Changing, ref: Ref) -> Mapping[str, Any]:
        try:
            return await self.api.get(ref.path)
        except NotFoundError:
            if not isinstance(call, Patch):
                raise
            # Applying makes what is not there.
            return {}

    async def _send(self, request: Request) -> dict[str, Any]:
        try:
            return await self.api.send(request)
        except ConflictError as error:
            if not _is_own(error):
                raise
            # Handrail applies each set of fields as a manager of its own: see ``_manager``.
            return await self.api.send(replace(request, query={**request.query, "force": "true"}))


def awaited(call: Call) -> Judge | None:
    """What says that a change has come through, where that takes time and is waited for."""
    if not isinstance(call, _WAITED) or not call.wait:
        return None

    def judge(found: Mapping[str, Any] | None) -> Progress:
        if found is None:
            return Progress(done=False, says="it is gone", failed=True)
        kind = call.kind
        return scaled(kind, found) if isinstance(kind, Scalable) else rolled_out(kind, found)

    return judge


def looked(kind: Workload, found: Mapping[str, Any] | None) -> Progress:
    """How far a rollout is, or that there is no such workload."""
    if found is None:
        return Progress(done=False, says="there is no such workload", failed=True)
    return rolled_out(kind, found)


def _request(
    call: RolloutRestart | Scale | Cordon | Uncordon | Drain | Patch,
    ref: Ref,
    before: Mapping[str, Any],
    key: str,
) -> Request:
    body: dict[str, Any] = {"metadata": {"annotations": mark(before, key)}}
    match call:
        case Patch():
            return _applying(call, ref, body)
        case RolloutRestart():
            template = {"metadata": {"annotations": {RESTARTED_BY: key}}}
            body["spec"] = {"template": template}
        case Scale():
            body["spec"] = {"replicas": call.replicas}
        case Cordon() | Drain():
            body["spec"] = {"unschedulable": True}
        case Uncordon():
            body["spec"] = {"unschedulable": None}
    content = MERGE if isinstance(call, Uncordon) else STRATEGIC
    return Request("PATCH", ref.path, {"fieldManager": FIELD_MANAGER}, body, content)


def _applying(call: Patch, ref: Ref, own: Mapping[str, Any]) -> Request:
    said: Any = call.patch.get("metadata", {})
    annotations = {**said.get("annotations", {}), **own["metadata"]["annotations"]}
    meta = {**said, "annotations": annotations, "name": call.name}
    if call.namespace is not None:
        meta["namespace"] = call.namespace
    body = {"apiVersion": call.api_version, "kind": call.kind, **call.patch, "metadata": meta}
    query = {"fieldManager": _manager(call.patch), "force": str(call.force).lower()}
    return Request("PATCH", ref.path, query, body, APPLY)


def _manager(patch: Mapping[str, Any]) -> str:
    """A manager for each set of fields.

    What a manager no longer applies is taken away: with one manager for all, a patch of one field
    would take back what an earlier one set elsewhere.
    """
    fields = "\n".join(sorted(_fields(patch, "")))
    return f"{FIELD_MANAGER}-{hashlib.sha256(fields.encode()).hexdigest()[:10]}"


def _fields(value: Any, path: str) -> list[str]:
    if isinstance(value, dict) and value:
        return [found for name, part in value.items() for found in _fields(part, f"{path}/{name}")]
    return [path]


def _is_own(error: ConflictError) -> bool:
    messages = [cause.get("message", "") for cause in error.causes]
    return bool(messages) and all(f'conflict with "{FIELD_MANAGER}' in said for said in messages)


def _explained(error: ConflictError) -> ConflictError:
    fields = "; ".join(
        f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in error.causes
    )
    if fields:
        said = f"others manage these fields ({fields}): leave them alone, or say force: true"
        return ConflictError(said, error.causes)
    return ConflictError(f"it was changed by somebody else meanwhile: {error}")
