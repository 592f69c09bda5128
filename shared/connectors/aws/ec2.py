"""Instances of EC2."""

from collections.abc import Mapping
from typing import Any, Final

from shared.calls.aws import Ec2Reboot, Ec2Start, Ec2Stop
from shared.connectors.aws.action import Repeatable, Site
from shared.connectors.aws.refusals import RefusedByAwsError
from shared.connectors.protocol import Job, Lost
from shared.connectors.underway import CallFailedError, Progress, Report, Work

#: So EC2 says of a dry run that it would have done it.
_WOULD: Final = "DryRunOperation"
_GONE: Final = frozenset({"shutting-down", "terminated"})


class Reboot:
    """Reboot instances."""

    async def shown(self, site: Site, call: Ec2Reboot) -> str:
        return await _tried(site, call, "reboot_instances", "reboots")

    async def do(self, site: Site, call: Ec2Reboot, _job: Job, report: Report) -> int:
        await site.do(report, "ec2", "reboot_instances", InstanceIds=list(call.instances))
        await report.say(f"rebooting {', '.join(call.instances)}")
        return 0

    async def became(self, _site: Site, _call: Ec2Reboot, _job: Job) -> Work | Lost | None:
        return Lost("EC2 does not tell whether instances were rebooted")


class Start(Repeatable):
    """Start instances and wait until they run."""

    async def shown(self, site: Site, call: Ec2Start) -> str:
        return await _tried(site, call, "start_instances", "starts")

    async def do(self, site: Site, call: Ec2Start, _job: Job, report: Report) -> int:
        await site.do(report, "ec2", "start_instances", InstanceIds=list(call.instances))
        await site.until(lambda: _all(site, call, "running"), report)
        return 0


class Stop(Repeatable):
    """Stop instances and wait until they have stopped."""

    async def shown(self, site: Site, call: Ec2Stop) -> str:
        return await _tried(site, call, "stop_instances", "stops", Force=call.force)

    async def do(self, site: Site, call: Ec2Stop, _job: Job, report: Report) -> int:
        said = {"InstanceIds": list(call.instances), "Force": call.force}
        await site.do(report, "ec2", "stop_instances", **said)
        await site.until(lambda: _all(site, call, "stopped"), report)
        return 0


async def _tried(
    site: Site, call: Ec2Reboot | Ec2Start | Ec2Stop, operation: str, verb: str, **said: Any
) -> str:
    instances = await _described(site, call)
    try:
        await site.aws.look("ec2", operation, InstanceIds=list(call.instances), DryRun=True, **said)
    except RefusedByAwsError as error:
        if error.code != _WOULD:
            raise
    lines = (f"{verb} {_line(instances[one])}" for one in call.instances)
    return "\n".join(lines)


async def _all(site: Site, call: Ec2Start | Ec2Stop, wanted: str) -> Progress:
    states = {one: _state(found) for one, found in (await _described(site, call)).items()}
    if gone := [one for one, state in states.items() if state in _GONE]:
        raise CallFailedError(f"{', '.join(gone)}: terminated")
    says = ", ".join(f"{one} {state}" for one, state in states.items())
    return Progress(done=set(states.values()) == {wanted}, says=says)


async def _described(
    site: Site, call: Ec2Reboot | Ec2Start | Ec2Stop
) -> dict[str, Mapping[str, Any]]:
    found = await site.aws.look("ec2", "describe_instances", InstanceIds=list(call.instances))
    listed = (one for group in found["Reservations"] for one in group["Instances"])
    by_id = {one["InstanceId"]: one for one in listed}
    return {one: by_id[one] for one in call.instances}


def _line(found: Mapping[str, Any]) -> str:
    name = next((tag["Value"] for tag in found.get("Tags") or () if tag["Key"] == "Name"), "")
    words = (found["InstanceId"], name, found.get("InstanceType", ""), f"({_state(found)})")
    return " ".join(word for word in words if word)


def _state(found: Mapping[str, Any]) -> str:
    return str(found["State"]["Name"])
