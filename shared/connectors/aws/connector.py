"""Amazon Web Services: what AWS remembers of a step is found again, the rest is unknown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from secrets import token_hex
from typing import Final

from shared.calls import aws as calls
from shared.calls.call import Call
from shared.calls.families import parsed_as
from shared.connectors.aws import commands, ec2, ecs, functions, rds, scaling
from shared.connectors.aws.access import Aws, Opening
from shared.connectors.aws.action import POLL, Action, Site
from shared.connectors.aws.refusals import RefusedByAwsError
from shared.connectors.protocol import (
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnreachableError,
)
from shared.connectors.transcript import Capped
from shared.connectors.underway import CallRefusedError, Report, Underway
from shared.lifecycle import Effect

SHOWN_MOST: Final = 64 * 1024
_SAFE: Final = (Effect.READ_ONLY, Effect.IDEMPOTENT)
_GOES_ON: Final = "nobody can end a call of a function, so it may go on"

_ACTIONS: Final[Mapping[type[Call], Action]] = {
    calls.Ec2Reboot: ec2.Reboot(),
    calls.Ec2Start: ec2.Start(),
    calls.Ec2Stop: ec2.Stop(),
    calls.AsgSetDesired: scaling.SetDesired(),
    calls.AsgInstanceRefresh: scaling.InstanceRefresh(),
    calls.EcsForceDeployment: ecs.ForceDeployment(),
    calls.EcsSetDesired: ecs.SetDesired(),
    calls.RdsReboot: rds.Reboot(),
    calls.LambdaInvoke: functions.Invoke(),
    calls.SsmCommand: commands.Command(),
}


class AwsConnector:
    """One region of one account. ``poll`` is from one look to the next, in seconds."""

    def __init__(self, opening: Opening, *, poll: float = POLL) -> None:
        self._aws = Aws(opening)
        self._site = Site(self._aws, poll)
        self._underway = Underway()

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        call = parsed_as("aws", job.command)

        async def work(report: Report) -> int:
            return await _ACTIONS[type(call)].do(self._site, call, job, report)

        goes_on = _GOES_ON if isinstance(call, calls.LambdaInvoke) else None
        return await self._underway.run(job, work, on_output, goes_on=goes_on)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        call = parsed_as("aws", job.command)
        became = await _ACTIONS[type(call)].became(self._site, call, job)
        if isinstance(became, Lost):
            return None if job.effect in _SAFE else became
        if became is None:
            return None
        outcome = await self._underway.run(job, became, on_output)
        return replace(outcome, reattached=True) if isinstance(outcome, Ended) else outcome

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept here
        call = parsed_as("aws", command)
        if not call.may_only_look:
            raise CallRefusedError(f"{call.action} changes something: a check may only look")
        outcome = await self.run(Job(f"read-{token_hex(8)}", command, timeout, Effect.READ_ONLY))
        if isinstance(outcome, Lost) or outcome.timed_out:
            raise TargetUnreachableError(f"no answer within {timeout}", may_have_started=True)
        return outcome

    async def dry_run(self, job: Job) -> DryRun | None:
        call = parsed_as("aws", job.command)
        shown = Capped(SHOWN_MOST)
        shown.feed((await _ACTIONS[type(call)].shown(self._site, call)).encode())
        return DryRun(shown.text())

    async def cancel(self, key: str) -> bool:
        waited = self._underway.cancel(key)
        try:
            return await commands.cancel(self._aws, key) or waited
        except RefusedByAwsError:
            # Whoever may not use Systems Manager has sent no command through it.
            return waited

    async def close(self) -> None:
        await self._aws.close()
