"""One pod: deleting it once, and reading what it wrote."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

from shared.calls.kubernetes import DeletePod, Logs
from shared.connectors.kubernetes.api import MERGE, Api, ConflictError, NotFoundError, Request
from shared.connectors.kubernetes.objects import FIELD_MANAGER, Ref, is_done_by, mark
from shared.connectors.kubernetes.watching import until
from shared.connectors.protocol import Ended, Lost
from shared.connectors.underway import CallRefusedError, Progress, Report

#: What makes a pod again under the same name, so that the name does not tell them apart.
_SAME_NAME: Final = frozenset({"StatefulSet"})


async def delete(api: Api, call: DeletePod, key: str, report: Report) -> None:
    """Mark the pod with the key, delete exactly that one, and see it gone."""
    ref = Ref.in_core("pods", call.namespace, call.name)
    found = await api.get(ref.path)
    uid = found["metadata"]["uid"]
    if not is_done_by(found, key):
        # So that whoever comes after a crash knows that this very pod was meant.
        body = {"metadata": {"uid": uid, "annotations": mark(found, key)}}
        await api.send(Request("PATCH", ref.path, {"fieldManager": FIELD_MANAGER}, body, MERGE))
    # Gone meanwhile, or another pod has its name by now.
    with suppress(NotFoundError, ConflictError):
        await api.send(deletion(ref, uid, call.grace))
    report.has_begun = True
    await until(api, ref, _gone(uid), report)


def deletion(ref: Ref, uid: str, grace: int | None) -> Request:
    """Delete the pod with this uid, and no other that has its name."""
    options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1"}
    options["preconditions"] = {"uid": uid}
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    return Request("DELETE", ref.path, body=options)


async def became_of(api: Api, call: DeletePod, key: str) -> Ended | Lost | None:
    """What became of a deletion whose owner died."""
    try:
        found = await api.get(Ref.in_core("pods", call.namespace, call.name).path)
    except NotFoundError:
        return Ended(0, f"{call.namespace}/{call.name} is gone\n", "", reattached=True)
    if is_done_by(found, key) or not _comes_back(found):
        return None
    return Lost("a pod of that name is there: the old one, or the one that was made after it")


async def logs(api: Api, call: Logs, report: Report) -> None:
    """What the containers of pods wrote last, each under its name where there are several."""
    found = [container async for container in _containers(api, call)]
    for pod, container in found:
        if len(found) > 1:
            await report.say(f"==> {pod}{f' {container}' if container else ''} <==")
        how = {**_how(call), **({"container": container} if container else {})}
        try:
            await report.write(await log(api, call.namespace, pod, how))
        except CallRefusedError as error:
            if len(found) == 1:
                raise
            # One that never started, or did not end before, has no log; the others have.
            await report.say(str(error))


async def _containers(api: Api, call: Logs) -> AsyncIterator[tuple[str, str]]:
    """Pods and their containers; a container without a name is the only one of its pod."""
    for pod in [call.pod] if call.pod else await _selected(api, call):
        if call.container is not None:
            yield pod, call.container
            continue
        spec = (await api.get(Ref.in_core("pods", call.namespace, pod).path)).get("spec", {})
        names = [str(one["name"]) for one in spec.get("containers") or ()]
        for name in names if len(names) > 1 else [""]:
            yield pod, name


async def log(api: Api, namespace: str, name: str, how: Mapping[str, str]) -> bytes:
    """The log of one pod."""
    return await api.text(Ref.in_core("pods", namespace, name).sub("log"), how)


async def _selected(api: Api, call: Logs) -> list[str]:
    place = Ref.in_core("pods", call.namespace).path
    listed = await api.get(place, labelSelector=call.selector or "")
    names = [str(one["metadata"]["name"]) for one in listed.get("items") or ()]
    if not names:
        raise CallRefusedError(f"no pod in {call.namespace} has {call.selector}")
    return sorted(names)


def _how(call: Logs) -> dict[str, str]:
    how = {"tailLines": str(call.tail)}
    if call.since is not None:
        how["sinceSeconds"] = str(max(1, round(call.since.total_seconds())))
    if call.previous:
        how["previous"] = "true"
    return how


def _gone(uid: str) -> Any:
    def judge(found: Mapping[str, Any] | None) -> Progress:
        if found is None or found["metadata"]["uid"] != uid:
            return Progress(done=True, says="is gone")
        return Progress(done=False, says="is going")

    return judge


def _comes_back(found: Mapping[str, Any]) -> bool:
    owners = found["metadata"].get("ownerReferences") or ()
    return any(by["kind"] in _SAME_NAME for by in owners)
