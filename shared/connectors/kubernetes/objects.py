"""Where objects are in the API, what Handrail writes into them, and how two of them differ."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from shared.connectors.kubernetes.api import Api, Request
from shared.connectors.underway import CallRefusedError

#: The annotation with the keys of the steps that changed an object, the last one first. It is set
#: in the same write as the change, so that it says whether that was done.
STEP: Final = "handrail/step"
#: The same in the template of pods: another value rolls the pods out anew.
RESTARTED_BY: Final = "handrail/restarted-by"
FIELD_MANAGER: Final = "handrail"
_REMEMBERED: Final = 5

_NOISE: Final = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}
)


@dataclass(frozen=True)
class Ref:
    """One object, or with an empty name all of its kind in a place."""

    collection: str
    name: str

    @classmethod
    def in_apps(cls, plural: str, namespace: str, name: str = "") -> "Ref":
        return cls(f"/apis/apps/v1/namespaces/{namespace}/{plural}", name)

    @classmethod
    def in_core(cls, plural: str, namespace: str, name: str = "") -> "Ref":
        return cls(f"/api/v1/namespaces/{namespace}/{plural}", name)

    @classmethod
    def node(cls, name: str) -> "Ref":
        return cls("/api/v1/nodes", name)

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.name}" if self.name else self.collection

    def sub(self, resource: str) -> str:
        return f"{self.path}/{resource}"

    def __str__(self) -> str:
        kind = self.collection.rsplit("/", 1)[1].rstrip("s")
        return f"{kind} {self.name}".rstrip()


class Kinds:
    """Where objects of any kind are, as the cluster itself says."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, Mapping[str, Any]] = {}

    async def ref(self, api_version: str, kind: str, namespace: str | None, name: str) -> Ref:
        """Where an object is.

        Raises:
            CallRefusedError: the cluster has no such kind, or a namespace is missing or too much.
        """
        base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if base not in self._known:
            self._known[base] = await self._api.get(base)
        for found in self._known[base].get("resources") or ():
            if found["kind"] == kind and "/" not in found["name"]:
                return _placed(base, found, namespace, name)
        raise CallRefusedError(f"the cluster knows no {kind} in {api_version}")


def _placed(base: str, found: Mapping[str, Any], namespace: str | None, name: str) -> Ref:
    if found["namespaced"] and namespace is None:
        raise CallRefusedError(f"{found['kind']} is in a namespace: say which")
    if not found["namespaced"] and namespace is not None:
        raise CallRefusedError(f"{found['kind']} is in no namespace: leave it out")
    place = f"/namespaces/{namespace}" if namespace else ""
    return Ref(f"{base}{place}/{found['name']}", name)


def is_done_by(found: Mapping[str, Any], key: str) -> bool:
    """Whether the step of this key has changed an object."""
    return key in _steps(found)


def mark(found: Mapping[str, Any], key: str) -> dict[str, str]:
    """The annotation that says so, for the same write."""
    return {STEP: " ".join([key, *_steps(found)][:_REMEMBERED])}


def _steps(found: Mapping[str, Any]) -> list[str]:
    annotations = found.get("metadata", {}).get("annotations") or {}
    return str(annotations.get(STEP, "")).split()


def dry(request: Request) -> Request:
    """The same request, of which the server says only what it would do."""
    query = {**request.query, "dryRun": "All"}
    return Request(request.method, request.path, query, request.body, request.content)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What a change changes, line by line, without what changes with every write."""
    lines = difflib.unified_diff(_lines(before), _lines(after), "before", "after", lineterm="")
    return "\n".join(lines)


def _lines(found: Mapping[str, Any]) -> list[str]:
    kept = {name: value for name, value in found.items() if name != "status"}
    kept["metadata"] = {
        name: value for name, value in found.get("metadata", {}).items() if name not in _NOISE
    }
    text: str = yaml.safe_dump(kept, sort_keys=True, default_flow_style=False)
    return text.splitlines()
