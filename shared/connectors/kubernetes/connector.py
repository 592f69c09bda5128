"""Kubernetes: changes that carry the key of their step, so that each is made once.

The key stands in an annotation that is written with the change. Whoever comes after a crash runs
the same call again: what is there already is seen and waited for.
"""

from datetime import timedelta
from secrets import token_hex
from typing import Final

import yaml

from shared.calls.call import Call
from shared.calls.families import parsed_as
from shared.calls.kubernetes import (
    DeleteJob,
    DeletePod,
    Drain,
    Exec,
    Get,
    Job,
    Logs,
    RolloutStatus,
)
from shared.connectors import protocol
from shared.connectors.kubernetes import pods
from shared.connectors.kubernetes.access import Access, Opening
from shared.connectors.kubernetes.api import Api
from shared.connectors.kubernetes.changes import CHANGES, Changes, awaited, looked
from shared.connectors.kubernetes.draining import ROUND, Draining
from shared.connectors.kubernetes.executing import execute
from shared.connectors.kubernetes.jobs import Jobs
from shared.connectors.kubernetes.looking import look
from shared.connectors.kubernetes.objects import Kinds, Ref, dry
from shared.connectors.kubernetes.watching import until
from shared.connectors.protocol import DryRun, Ended, Lost, OnOutput
from shared.connectors.transcript import Capped
from shared.connectors.underway import CallRefusedError, Report, Underway
from shared.lifecycle import Effect

SHOWN_MOST: Final = 64 * 1024
_SAFE: Final = (Effect.READ_ONLY, Effect.IDEMPOTENT)
_GOES_ON: Final = "the API cannot end a program in a container, so it may go on"
_NOTHING: Final = "nothing would change"


class KubernetesConnector:
    """One cluster. ``pause`` is from one look at the pods of a node to the next, in seconds."""

    def __init__(self, opening: Opening, *, pause: float = ROUND) -> None:
        self._namespaces = opening.target.namespaces
        self._access = Access(opening)
        self._api = Api(self._access)
        self._kinds = Kinds(self._api)
        self._changes = Changes(self._api, self._kinds)
        self._draining = Draining(self._api, pause)
        self._jobs = Jobs(self._api)
        self._underway = Underway()
        #: The namespaces of jobs under way, so that cancelling need not look everywhere.
        self._job_places: dict[str, str] = {}

    async def run(self, job: protocol.Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        call = self._allowed(job.command)

        async def work(report: Report) -> int:
            return await self._done(call, job, report)

        goes_on = _GOES_ON if isinstance(call, Exec) else None
        return await self._underway.run(job, work, on_output, goes_on=goes_on)

    async def reattach(
        self,
        job: protocol.Job,
        *,
        on_output: OnOutput | None = None,  # noqa: ARG002 what is left to hear, `run` tells
    ) -> Ended | Lost | None:
        call = self._allowed(job.command)
        if isinstance(call, DeletePod):
            return await pods.became_of(self._api, call, job.key)
        if isinstance(call, Exec) and job.effect not in _SAFE:
            return Lost("it may have been run in the container; the API keeps no word of it")
        return None

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept here
        call = self._allowed(command)
        if call.effect is not Effect.READ_ONLY and not call.may_only_look:
            raise CallRefusedError(f"{call.action} changes something: a check may only look")

        async def work(report: Report) -> int:
            if isinstance(call, RolloutStatus):
                return await self._status_now(call, report)
            return await self._looked(call, report)

        looking = protocol.Job(f"read-{token_hex(8)}", command, timeout)
        outcome = await self._underway.run(looking, work, None)
        if isinstance(outcome, Lost) or outcome.timed_out:
            reason = f"no answer within {timeout}"
            raise protocol.TargetUnreachableError(reason, may_have_started=True)
        return outcome

    async def dry_run(self, job: protocol.Job) -> DryRun | None:
        call = self._allowed(job.command)
        if not call.has_dry_run:
            return None
        shown = Capped(SHOWN_MOST)
        shown.feed((await self._tried(call, job)).encode())
        return DryRun(shown.text())

    async def cancel(self, key: str) -> bool:
        waited = self._underway.cancel(key)
        known = self._job_places.get(key)
        places = self._namespaces if known is None else (known,)
        try:
            return await self._jobs.end(key, places) or waited
        except CallRefusedError:
            # Whoever may not look for jobs has made none.
            return waited

    async def close(self) -> None:
        await self._access.close()

    async def _done(self, call: Call, job: protocol.Job, report: Report) -> int:
        match call:
            case DeletePod():
                await pods.delete(self._api, call, job.key, report)
            case Drain():
                found = await self._draining.sorted_out(call)
                await self._change(call, job.key, report)
                await self._draining.empty(call, found.going, report)
            case Job():
                await self._job_done(call, job, report)
            case DeleteJob():
                await self._jobs.delete(call, report)
            case _ if isinstance(call, CHANGES):
                await self._change(call, job.key, report)
            case _:
                return await self._looked(call, report)
        return 0

    async def _job_done(self, call: Job, job: protocol.Job, report: Report) -> None:
        self._job_places[job.key] = call.namespace
        try:
            await self._jobs.run(call, job.key, job.timeout, report)
        finally:
            del self._job_places[job.key]

    async def _change(self, call: Call, key: str, report: Report) -> None:
        ref, was_done = await self._changes.make(call, key)  # type: ignore[arg-type]
        report.has_begun = True
        await report.say(f"{ref}: {'was changed already' if was_done else 'changed'}")
        judge = awaited(call)
        if judge is not None:
            await until(self._api, ref, judge, report)

    async def _looked(self, call: Call, report: Report) -> int:
        match call:
            case Exec():
                return await execute(self._api, call, report)
            case Logs():
                await pods.logs(self._api, call, report)
            case Get():
                return await look(self._api, self._kinds, call, report)
            case RolloutStatus():
                ref = Ref.in_apps(f"{call.kind}s", call.namespace, call.name)
                await until(self._api, ref, lambda found: looked(call.kind, found), report)
        return 0

    async def _status_now(self, call: RolloutStatus, report: Report) -> int:
        ref = Ref.in_apps(f"{call.kind}s", call.namespace, call.name)
        progress = looked(call.kind, await self._api.get(ref.path))
        await report.say(f"{ref}: {progress.says}")
        return 0 if progress.done else 1

    async def _tried(self, call: Call, job: protocol.Job) -> str:
        match call:
            case DeletePod():
                return await self._deletion_tried(call)
            case DeleteJob():
                return await self._jobs.deletion_tried(call)
            case Job():
                made = await self._jobs.tried(call, job.key, job.timeout)
                return yaml.safe_dump({"spec": made["spec"]}, default_flow_style=False)
            case Drain():
                found = await self._draining.sorted_out(call)
                lines = [f"evicts {pod}" for pod in found.going]
                lines += [f"leaves {pod}" for pod in found.staying]
                changed = await self._changes.tried(call, job.key)
                return "\n".join((changed, *lines))
        return await self._changes.tried(call, job.key) or _NOTHING  # type: ignore[arg-type]

    async def _deletion_tried(self, call: DeletePod) -> str:
        ref = Ref.in_core("pods", call.namespace, call.name)
        found = await self._api.get(ref.path)
        await self._api.send(dry(pods.deletion(ref, found["metadata"]["uid"], call.grace)))
        owners = [by["kind"] for by in found["metadata"].get("ownerReferences") or ()]
        again = f"{owners[0]} makes another" if owners else "nothing makes another"
        return f"deletes {call.namespace}/{call.name} ({found['status'].get('phase')}); {again}"

    def _allowed(self, text: str) -> Call:
        """The call, which stays in the namespaces of the target.

        Raises:
            MalformedCallError: it is none.
            CallRefusedError: it reaches out of them.
        """
        call = parsed_as("kubernetes", text)
        namespace = getattr(call, "namespace", None)
        if self._namespaces is not None and namespace not in self._namespaces:
            where = f"namespace {namespace}" if namespace else "the whole cluster"
            raise CallRefusedError(
                f"{call.action} reaches {where}, this target only {', '.join(self._namespaces)}"
            )
        return call
