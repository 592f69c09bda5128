"""Commands on instances through Systems Manager, which remembers whose they are."""

import hashlib
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from shared.calls.aws import SsmCommand
from shared.connectors.aws.access import Aws
from shared.connectors.aws.action import SKEW, Site
from shared.connectors.aws.refusals import RefusedByAwsError
from shared.connectors.protocol import Job, Lost
from shared.connectors.underway import Progress, Report, Work

_WAITING: Final = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
_NOT_YET: Final = "InvocationDoesNotExist"
#: So many of the latest commands are looked through for one of a key.
_A_PAGE: Final = 50
_PAGES: Final = 40
_SHELL: Final = "AWS-RunShellScript"


class Command:
    """Run commands, or find those that were sent with the same key, and wait for their end."""

    async def shown(self, site: Site, call: SsmCommand) -> str:
        known = await site.aws.look(
            "ssm",
            "describe_instance_information",
            Filters=[{"Key": "InstanceIds", "Values": list(call.instances)}],
        )
        there = {one["InstanceId"]: one for one in known["InstanceInformationList"]}
        lines = [_instance(one, there.get(one)) for one in call.instances]
        return "\n".join((*lines, *call.commands))

    async def do(self, site: Site, call: SsmCommand, job: Job, report: Report) -> int:
        sent = await sent_as(site.aws, job)
        if sent is not None:
            await report.say(f"was sent already as {sent}")
            return await self._seen_through(site, call, sent, report)
        done = await site.do(report, "ssm", "send_command", **_sending(call, job))
        sent = str(done["Command"]["CommandId"])
        await report.say(f"sent as {sent}")
        return await self._seen_through(site, call, sent, report)

    async def became(self, site: Site, call: SsmCommand, job: Job) -> Work | Lost | None:
        sent = await sent_as(site.aws, job)
        if sent is None:
            return None
        return lambda report: self._seen_through(site, call, sent, report)

    async def _seen_through(self, site: Site, call: SsmCommand, sent: str, report: Report) -> int:
        codes = [await self._ended(site, sent, one, call, report) for one in call.instances]
        return next((code for code in codes if code), 0)

    async def _ended(
        self, site: Site, sent: str, instance: str, call: SsmCommand, report: Report
    ) -> int:
        ended: dict[str, Any] = {}

        async def look() -> Progress:
            found = await _invocation(site.aws, sent, instance)
            ended.update(found)
            status = str(found.get("StatusDetails", "Pending"))
            return Progress(
                done=found.get("Status", "Pending") not in _WAITING, says=f"{instance}: {status}"
            )

        await site.until(look, report)
        if len(call.instances) > 1:
            await report.say(f"==> {instance} <==")
        await report.write(str(ended.get("StandardOutputContent", "")).encode())
        await report.complain(str(ended.get("StandardErrorContent", "")).encode())
        if ended["Status"] == "Success":
            return 0
        code = int(ended.get("ResponseCode", 1))
        return code if code > 0 else 1


async def sent_as(aws: Aws, job: Job) -> str | None:
    """The command that was sent with a job's key, since the job began."""
    said: dict[str, Any] = {}
    if job.started_at is not None:
        began = (job.started_at - SKEW).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said["Filters"] = [{"key": "InvokedAfter", "value": began}]
    return await _found(aws, job.key, said)


async def cancel(aws: Aws, key: str) -> bool:
    """Cancel the command that was sent with a key; whether there is one."""
    sent = await _found(aws, key, {})
    if sent is None:
        return False
    await aws.do("ssm", "cancel_command", CommandId=sent)
    return True


async def _found(aws: Aws, key: str, said: dict[str, Any]) -> str | None:
    comment = _comment(key)
    for _ in range(_PAGES):
        found = await aws.look("ssm", "list_commands", MaxResults=_A_PAGE, **said)
        for one in found["Commands"]:
            if one.get("Comment") == comment:
                return str(one["CommandId"])
        if not found.get("NextToken"):
            return None
        said["NextToken"] = found["NextToken"]
    return None


async def _invocation(aws: Aws, sent: str, instance: str) -> Mapping[str, Any]:
    try:
        said = {"CommandId": sent, "InstanceId": instance}
        return await aws.look("ssm", "get_command_invocation", **said)
    except RefusedByAwsError as error:
        if error.code != _NOT_YET:
            raise
        return {}


def _sending(call: SsmCommand, job: Job) -> dict[str, Any]:
    seconds = max(1, round(job.timeout.total_seconds()))
    parameters = {name: list(values) for name, values in call.parameters.items()}
    if call.document == _SHELL:
        parameters = {"commands": list(call.commands), "executionTimeout": [str(seconds)]}
    return {
        "InstanceIds": list(call.instances),
        "DocumentName": call.document,
        "Parameters": parameters,
        "Comment": _comment(job.key),
        # How long an instance may take to begin; less than 30 is refused.
        "TimeoutSeconds": max(30, seconds),
    }


def _comment(key: str) -> str:
    """At most 100 characters, which a key may exceed."""
    return f"handrail/step {hashlib.sha256(key.encode()).hexdigest()[:40]}"


def _instance(name: str, known: Mapping[str, Any] | None) -> str:
    if known is None:
        return f"on {name} (Systems Manager does not know it)"
    return f"on {name} ({known.get('ComputerName', '')}, {known.get('PingStatus', '')})"
