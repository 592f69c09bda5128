"""Looks at objects: what is shown of them, and whether they are as expected."""

import json
from typing import Any, Final

from shared.calls.kubernetes import Get
from shared.connectors.kubernetes.api import Api
from shared.connectors.kubernetes.asking import asked
from shared.connectors.kubernetes.objects import Kinds
from shared.connectors.underway import Report

_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


async def look(api: Api, kinds: Kinds, call: Get, report: Report) -> int:
    """Show what is there; 1 when it is not as expected."""
    ref = await kinds.ref(call.api_version, call.kind, call.namespace, call.name or "")
    query = {"labelSelector": call.selector} if call.selector else {}
    found = _cleaned(await api.get(ref.path, **query))
    shown = asked(call.show, found, call.given) if call.show else found
    await report.say(json.dumps(shown, indent=2, ensure_ascii=False))
    if call.expect is None or asked(call.expect, found, call.given):
        return 0
    await report.complain(f"{ref} is not as expected: {call.expect}\n".encode())
    return 1


def _cleaned(found: dict[str, Any]) -> dict[str, Any]:
    """An object, or those in a list, without what only machines read."""
    if "items" in found:
        return {**found, "items": [_cleaned(one) for one in found["items"] or ()]}
    meta = {**found.get("metadata", {})}
    meta.pop("managedFields", None)
    if _APPLIED in (meta.get("annotations") or {}):
        meta["annotations"] = {
            name: value for name, value in meta["annotations"].items() if name != _APPLIED
        }
    return {**found, "metadata": meta}
