"""Auto Scaling groups."""

from collections.abc import Mapping
from typing import Any, Final

from shared.calls.aws import AsgInstanceRefresh, AsgSetDesired
from shared.connectors.aws.action import Repeatable, Site, since
from shared.connectors.aws.refusals import RefusedByAwsError
from shared.connectors.protocol import Job, Lost
from shared.connectors.underway import CallRefusedError, Progress, Report, Work

_SERVICE: Final = "autoscaling"
_UNDER_WAY: Final = "InstanceRefreshInProgress"
_ENDED_BADLY: Final = frozenset({"Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"})


class SetDesired(Repeatable):
    """Set how many instances a group has."""

    async def shown(self, site: Site, call: AsgSetDesired) -> str:
        found = await _group(site, call.group)
        return f"{call.group}: {_counts(found)}; sets {call.desired}"

    async def do(self, site: Site, call: AsgSetDesired, _job: Job, report: Report) -> int:
        said = {"AutoScalingGroupName": call.group, "DesiredCapacity": call.desired}
        await site.do(report, _SERVICE, "set_desired_capacity", HonorCooldown=False, **said)
        await site.until(lambda: self._progress(site, call), report)
        return 0

    async def _progress(self, site: Site, call: AsgSetDesired) -> Progress:
        found = await _group(site, call.group)
        done = _in_service(found) == call.desired == len(found["Instances"])
        return Progress(done=done, says=f"{call.group}: {_counts(found)}")


class InstanceRefresh:
    """Replace the instances of a group; one that is under way is joined."""

    async def shown(self, site: Site, call: AsgInstanceRefresh) -> str:
        found = await _group(site, call.group)
        lines = [f"{call.group}: {_counts(found)}"]
        lines += [f"replaces {one['InstanceId']}" for one in found["Instances"]]
        return "\n".join(lines)

    async def do(self, site: Site, call: AsgInstanceRefresh, _job: Job, report: Report) -> int:
        return await self._seen_through(site, call, await self._begun(site, call, report), report)

    async def became(self, site: Site, call: AsgInstanceRefresh, job: Job) -> Work | Lost | None:
        if job.started_at is None:
            return Lost("whether an instance refresh was begun by this step is not known")
        latest = await self._latest(site, call)
        if latest is None or not since(job, latest.get("StartTime")):
            return None
        refresh = str(latest["InstanceRefreshId"])
        return lambda report: self._seen_through(site, call, refresh, report)

    async def _begun(self, site: Site, call: AsgInstanceRefresh, report: Report) -> str:
        said = {
            "AutoScalingGroupName": call.group,
            "Preferences": {"MinHealthyPercentage": call.min_healthy},
        }
        try:
            begun = await site.do(report, _SERVICE, "start_instance_refresh", **said)
        except RefusedByAwsError as error:
            latest = await self._latest(site, call) if error.code == _UNDER_WAY else None
            if latest is None:
                raise
            await report.say(f"an instance refresh is under way: {latest['InstanceRefreshId']}")
            return str(latest["InstanceRefreshId"])
        return str(begun["InstanceRefreshId"])

    async def _seen_through(
        self, site: Site, call: AsgInstanceRefresh, refresh: str, report: Report
    ) -> int:
        await site.until(lambda: self._progress(site, call, refresh), report)
        return 0

    async def _latest(self, site: Site, call: AsgInstanceRefresh) -> Mapping[str, Any] | None:
        found = await site.aws.look(
            _SERVICE, "describe_instance_refreshes", AutoScalingGroupName=call.group, MaxRecords=1
        )
        return next(iter(found["InstanceRefreshes"]), None)

    async def _progress(self, site: Site, call: AsgInstanceRefresh, refresh: str) -> Progress:
        said = {"AutoScalingGroupName": call.group, "InstanceRefreshIds": [refresh]}
        found = await site.aws.look(_SERVICE, "describe_instance_refreshes", **said)
        [one] = found["InstanceRefreshes"]
        percent, reason = one.get("PercentageComplete", 0), one.get("StatusReason", "")
        says = f"{call.group}: {one['Status']}, {percent} % {reason}".rstrip()
        status = one["Status"]
        return Progress(done=status == "Successful", says=says, failed=status in _ENDED_BADLY)


async def _group(site: Site, name: str) -> Mapping[str, Any]:
    said = {"AutoScalingGroupNames": [name]}
    found = await site.aws.look(_SERVICE, "describe_auto_scaling_groups", **said)
    if not found["AutoScalingGroups"]:
        raise CallRefusedError(f"there is no Auto Scaling group {name} in this region")
    group: Mapping[str, Any] = found["AutoScalingGroups"][0]
    return group


def _in_service(found: Mapping[str, Any]) -> int:
    return sum(one["LifecycleState"] == "InService" for one in found["Instances"])


def _counts(found: Mapping[str, Any]) -> str:
    limits = f"from {found['MinSize']} to {found['MaxSize']}"
    return f"{_in_service(found)} in service, {found['DesiredCapacity']} wanted ({limits})"
