"""Services of ECS."""

from collections.abc import Mapping
from typing import Any, Final

from shared.calls.aws import EcsForceDeployment, EcsSetDesired
from shared.connectors.aws.action import Repeatable, Site, since
from shared.connectors.protocol import Job, Lost
from shared.connectors.underway import CallRefusedError, Progress, Report, Work

_SERVICE: Final = "ecs"


class ForceDeployment:
    """Make all tasks of a service anew."""

    async def shown(self, site: Site, call: EcsForceDeployment) -> str:
        found = await _service(site, call)
        return f"{call.service}: {_counts(found)}; makes its tasks anew, {found['taskDefinition']}"

    async def do(self, site: Site, call: EcsForceDeployment, _job: Job, report: Report) -> int:
        said = {"cluster": call.cluster, "service": call.service}
        await site.do(report, _SERVICE, "update_service", forceNewDeployment=True, **said)
        return await self._seen_through(site, call, report)

    async def became(self, site: Site, call: EcsForceDeployment, job: Job) -> Work | Lost | None:
        if job.started_at is None:
            return Lost("whether a deployment was begun by this step is not known")
        primary = _primary(await _service(site, call))
        if primary is None or not since(job, primary.get("createdAt")):
            return None
        # By this step or by somebody else: the tasks are new in either case.
        return lambda report: self._seen_through(site, call, report)

    async def _seen_through(self, site: Site, call: EcsForceDeployment, report: Report) -> int:
        await site.until(lambda: _progress(site, call), report)
        return 0


class SetDesired(Repeatable):
    """Set how many tasks a service has."""

    async def shown(self, site: Site, call: EcsSetDesired) -> str:
        found = await _service(site, call)
        return f"{call.service}: {_counts(found)}; sets {call.desired}"

    async def do(self, site: Site, call: EcsSetDesired, _job: Job, report: Report) -> int:
        said = {"cluster": call.cluster, "service": call.service, "desiredCount": call.desired}
        await site.do(report, _SERVICE, "update_service", **said)
        await site.until(lambda: _progress(site, call), report)
        return 0


async def _progress(site: Site, call: EcsForceDeployment | EcsSetDesired) -> Progress:
    found = await _service(site, call)
    primary = _primary(found) or {}
    state, reason = primary.get("rolloutState"), primary.get("rolloutStateReason", "")
    complete = found["runningCount"] == found["desiredCount"] and state in (None, "COMPLETED")
    says = f"{call.service}: {_counts(found)} {reason}".rstrip()
    only = len(found["deployments"]) == 1
    return Progress(done=complete and only, says=says, failed=state == "FAILED")


async def _service(site: Site, call: EcsForceDeployment | EcsSetDesired) -> Mapping[str, Any]:
    said = {"cluster": call.cluster, "services": [call.service]}
    found = await site.aws.look(_SERVICE, "describe_services", **said)
    if not found["services"]:
        raise CallRefusedError(f"there is no service {call.service} in cluster {call.cluster}")
    service: Mapping[str, Any] = found["services"][0]
    return service


def _primary(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((one for one in found["deployments"] if one["status"] == "PRIMARY"), None)


def _counts(found: Mapping[str, Any]) -> str:
    return f"{found['runningCount']} tasks run, {found['desiredCount']} wanted"
