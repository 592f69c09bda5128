"""Jobs: made under a name that derives from the step's key, seen to their end, and cancelled."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from shared.calls.kubernetes import DeleteJob, Job
from shared.connectors.kubernetes import pods
from shared.connectors.kubernetes.api import Api, ConflictError, NotFoundError, Request
from shared.connectors.kubernetes.objects import STEP, Ref, dry
from shared.connectors.kubernetes.watching import until
from shared.connectors.underway import CallFailedError, CallRefusedError, Progress, Report

#: A label that finds the job of a step; the key itself may be longer than a label.
_LABEL: Final = "handrail/step"
_LINES: Final = {"tailLines": "1000"}


@dataclass(frozen=True)
class Jobs:
    """Jobs of one cluster."""

    api: Api

    async def run(self, call: Job, key: str, limit: timedelta, report: Report) -> None:
        """Make the job unless it is there already, see it end, and give its log.

        Raises:
            CallRefusedError: the cluster does not make it.
            CallFailedError: the job failed.
        """
        ref = self._ref(call, key)
        try:
            await self.api.send(await self.making(call, key, limit))
        except ConflictError:
            await self._ours(ref, key)
            await report.say(f"{ref} is there already")
        else:
            await report.say(f"{ref} is made")
        report.has_begun = True
        try:
            await until(self.api, ref, _ended, report)
        except CallFailedError:
            await self._log(call, ref, report)
            raise
        await self._log(call, ref, report)

    async def making(self, call: Job, key: str, limit: timedelta) -> Request:
        """The request that makes the job; it is ended by the cluster when its time is up."""
        made = await self._from_cron_job(call) if call.cron_job else {"spec": dict(call.spec or {})}
        meta = {**made.get("metadata", {}), "name": _name(call, key)}
        meta["labels"] = {**(meta.get("labels") or {}), _LABEL: _short(key)}
        meta["annotations"] = {**(meta.get("annotations") or {}), STEP: key}
        seconds = max(1, round(limit.total_seconds()))
        spec = {**made["spec"]}
        spec["activeDeadlineSeconds"] = min(seconds, spec.get("activeDeadlineSeconds") or seconds)
        template = {**spec.get("template", {})}
        template["spec"] = {"restartPolicy": "Never", **template.get("spec", {})}
        spec["template"] = template
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}
        return Request("POST", _place(call.namespace), body=body)

    async def tried(self, call: Job, key: str, limit: timedelta) -> Mapping[str, Any]:
        """The job as the server would make it."""
        return await self.api.send(dry(await self.making(call, key, limit)))

    async def delete(self, call: DeleteJob, report: Report) -> None:
        """Delete a job with its pods, and see it gone."""
        ref = Ref(_place(call.namespace), call.name)
        await self._delete(ref)
        report.has_begun = True
        await until(self.api, ref, _gone, report)

    async def deletion_tried(self, call: DeleteJob) -> str:
        """What a deletion would take away."""
        ref = Ref(_place(call.namespace), call.name)
        try:
            found = await self.api.get(ref.path)
        except NotFoundError:
            return f"{ref} is not there"
        how = _ended(found).says.rstrip(": ")
        return f"deletes {ref}, which {how}, with its pods and their logs"

    async def end(self, key: str, namespaces: Iterable[str] | None) -> bool:
        """Delete the jobs of a key with their pods; whether there was one."""
        places = ["/apis/batch/v1/jobs"] if namespaces is None else map(_place, namespaces)
        found: list[dict[str, Any]] = []
        for place in places:
            listed = await self.api.get(place, labelSelector=f"{_LABEL}={_short(key)}")
            found += listed.get("items") or []
        for one in found:
            meta = one["metadata"]
            await self._delete(Ref(_place(meta["namespace"]), meta["name"]))
        return bool(found)

    async def _delete(self, ref: Ref) -> None:
        try:
            await self.api.send(
                Request("DELETE", ref.path, body={"propagationPolicy": "Background"})
            )
        except NotFoundError:
            return

    async def _from_cron_job(self, call: Job) -> dict[str, Any]:
        ref = Ref(f"/apis/batch/v1/namespaces/{call.namespace}/cronjobs", call.cron_job or "")
        template: dict[str, Any] = (await self.api.get(ref.path))["spec"]["jobTemplate"]
        meta = {**template.get("metadata", {})}
        meta["annotations"] = {
            **(meta.get("annotations") or {}),
            "cronjob.kubernetes.io/instantiate": "manual",
        }
        return {**template, "metadata": meta}

    async def _ours(self, ref: Ref, key: str) -> None:
        annotations = (await self.api.get(ref.path))["metadata"].get("annotations") or {}
        if annotations.get(STEP) != key:
            raise CallRefusedError(f"{ref} is there and was made by somebody else")

    async def _log(self, call: Job, ref: Ref, report: Report) -> None:
        place = Ref.in_core("pods", call.namespace).path
        listed = await self.api.get(place, labelSelector=f"job-name={ref.name}")
        for pod in listed.get("items") or ():
            name = str(pod["metadata"]["name"])
            try:
                await report.write(await pods.log(self.api, call.namespace, name, _LINES))
            except CallRefusedError as error:
                # A pod that never started has none; the job's own end says more.
                await report.say(f"pod {name} has no log: {error}")

    def _ref(self, call: Job, key: str) -> Ref:
        return Ref(_place(call.namespace), _name(call, key))


def _ended(found: Mapping[str, Any] | None) -> Progress:
    if found is None:
        return Progress(done=False, says="was deleted", failed=True)
    status = found.get("status", {})
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") == "Complete":
            return Progress(done=True, says="is complete")
        if condition.get("status") == "True" and condition.get("type") == "Failed":
            said = f"failed: {condition.get('reason', '')} {condition.get('message', '')}"
            return Progress(done=False, says=said.strip(), failed=True)
    active, failed = status.get("active", 0), status.get("failed", 0)
    return Progress(done=False, says=f"runs: {active} pods active, {failed} failed")


def _gone(found: Mapping[str, Any] | None) -> Progress:
    return Progress(done=found is None, says="is going" if found else "is gone")


def _place(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def _name(call: Job, key: str) -> str:
    return f"{call.name}-{_short(key)}"


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]
