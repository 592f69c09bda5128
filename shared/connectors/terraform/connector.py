"""Terraform and OpenTofu: what people saw planned is what is applied, once.

A command of Terraform runs under a claim as local commands do, so that it survives the executor
and is found again. The lock of the state, and that a plan grows stale, keep out whoever works on
the same state from elsewhere.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from shared.calls.call import Call
from shared.calls.families import parsed_as
from shared.calls.terraform import Apply, Output, Plan, SetVariables, Taint, Untaint
from shared.config.targets import TerraformTarget
from shared.connectors.local import LocalConnector
from shared.connectors.protocol import (
    ARTIFACT_MOST,
    DryRun,
    Ended,
    Job,
    Lost,
    OnOutput,
    TargetUnusableError,
)
from shared.connectors.terraform import changes, console, outputs
from shared.connectors.terraform.changes import Changes
from shared.connectors.terraform.commands import Tool
from shared.connectors.terraform.variables import VariablesFile
from shared.connectors.terraform.workplace import Workplace
from shared.connectors.transcript import Capped
from shared.errors import PermanentError

#: What people are shown of a plan has at most this many bytes, half from each end.
SHOWN_MOST: Final = 64 * 1024
_ASK: Final = timedelta(minutes=2)
_STALE: Final = "Saved plan is stale"
_PROGRAMS: Final = ("terraform", "tofu")
_OWN_ENVIRONMENT: Final = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}


class PlanRefusedError(PermanentError):
    """Terraform makes no plan of this: its text has what Terraform says. Nothing was changed."""


class NoCheckError(PermanentError):
    """A check may only look: its action has to be plan or output."""


@dataclass(frozen=True)
class Opening:
    """A target's section, where Handrail keeps its own files, and the secrets of the target."""

    target: TerraformTarget
    home: Path
    secrets: Mapping[str, str]

    @classmethod
    def of(cls, target: TerraformTarget, home: Path) -> "Opening":
        """Read the secrets.

        Raises:
            SettingsError: a secret is not where it should be.
        """
        secrets = {name: ref.read().get_secret_value() for name, ref in target.env.items()}
        return cls(target, home, secrets)

    @property
    def environment(self) -> dict[str, str]:
        workspace = {"TF_WORKSPACE": self.target.workspace} if self.target.workspace else {}
        return {**_OWN_ENVIRONMENT, **workspace, **self.secrets}


class TerraformConnector:
    """One configuration in one workspace."""

    def __init__(self, opening: Opening) -> None:
        self._target = opening.target
        self._directory = opening.target.directory.absolute()
        self._places = (opening.home / "terraform").absolute()
        self._local = LocalConnector(opening.home / "steps", environment=opening.environment)
        self._has_workspace = opening.target.workspace in (None, "default")

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        call = parsed_as("terraform", job.command)
        if isinstance(call, Output):
            return await self._outputs(call, job.timeout)
        found = await self.reattach(job, on_output=on_output)
        if found is not None:
            return found
        await self._ready()
        command = await self._command(call, job)
        outcome = await self._local.run(_claimed(job, command), on_output=on_output)
        return self._ended(job, outcome)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        outcome = await self._local.reattach(_claimed(job, ""), on_output=on_output)
        return None if outcome is None else self._ended(job, outcome)

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept by the script
        call = parsed_as("terraform", command)
        if isinstance(call, Output):
            return await self._outputs(call, timeout)
        if not isinstance(call, Plan):
            raise NoCheckError(f"{call.action} changes something: check with plan or output")
        await self._ready()
        place = self._place(f"read-{token_hex(8)}")
        try:
            work = self._changes(place)
            self._write_once(place, call)
            # A look takes no lock: ended half-way, it would leave it behind.
            return await self._local.read(work.looking(call, lock=False), timeout=timeout)
        finally:
            place.remove()

    async def dry_run(self, job: Job) -> DryRun | None:
        call = parsed_as("terraform", job.command)
        if not call.has_dry_run:
            return None
        await self._ready()
        key = f"{job.key}-plan-{token_hex(4)}"
        place = self._place(key)
        try:
            await self._write_variables(place, call)
            work = self._changes(place)
            command = f"{work.planning(call)} >/dev/null && {work.tool.show(place.plan)}"
            planned = await self._local.run(_claimed(replace(job, key=key), command))
            return _dry_run(planned, place)
        finally:
            place.remove()

    async def cancel(self, key: str) -> bool:
        return await self._local.cancel(key)

    async def close(self) -> None:
        await self._local.close()

    async def _command(self, call: Call, job: Job) -> str:
        place = self._place(job.key)
        work = self._changes(place)
        match call:
            case Plan():
                self._write_once(place, call)
                return work.looking(call)
            case Taint() | Untaint():
                return changes.marking(call, work.tool)
        await self._write_variables(place, call)
        if job.artifact is None:
            return f"{work.planning(call)} && {work.applying(call, job.key)}"
        place.write(place.plan.name, job.artifact)
        return work.applying(call, job.key)

    async def _write_variables(self, place: Workplace, call: Call) -> None:
        """Write down what is planned with, what is set now, and what to go back to."""
        self._write_once(place, call)
        variables = VariablesFile(self._directory)
        raw = variables.path.read_bytes() if variables.path.exists() else b""
        place.write(changes.NOW, raw)
        if isinstance(call, SetVariables):
            before = {**await self._values(list(call.variables)), **variables.now()}
            place.write(changes.BEFORE, json.dumps(before, indent=2).encode())
            place.write(changes.AFTER, variables.with_set(call.variables).encode())

    def _write_once(self, place: Workplace, call: Call) -> None:
        variables: dict[str, Any] = call.variables if isinstance(call, Plan | Apply) else {}
        place.write(changes.ONCE, json.dumps(variables).encode())

    async def _values(self, names: list[str]) -> dict[str, Any]:
        work = self._changes(self._place("console"))
        asked = console.question(names, work.tool.console(work.now_files()))
        return console.answered(names, await self._local.read(asked, timeout=_ASK))

    async def _outputs(self, call: Output, limit: timedelta) -> Ended:
        await self._ready()
        said = await self._local.read(self._tool().outputs(), timeout=limit)
        return outputs.shown(said, call.names)

    def _ended(self, job: Job, outcome: Ended | Lost) -> Ended | Lost:
        self._place(job.key).remove()
        VariablesFile(self._directory).prune()
        if isinstance(outcome, Ended) and outcome.exit_code and _STALE in outcome.stderr:
            hint = "something changed since this was planned: have it planned and approved again\n"
            return replace(outcome, stderr=outcome.stderr + hint)
        return outcome

    async def _ready(self) -> None:
        if self._has_workspace:
            return
        name = self._target.workspace or ""
        said = await self._local.read(self._tool().has_workspace(name), timeout=_ASK)
        if said.exit_code:
            raise TargetUnusableError(
                f"{self._directory} has no workspace {name}: make it with `workspace new`"
                f" {said.stderr.strip()}".rstrip()
            )
        self._has_workspace = True

    def _changes(self, place: Workplace) -> Changes:
        files = tuple(self._directory / file for file in self._target.var_files)
        return Changes(self._tool(), files, VariablesFile(self._directory), place)

    def _tool(self) -> Tool:
        if not self._directory.is_dir():
            raise TargetUnusableError(f"{self._directory} is no directory on this machine")
        wanted = (self._target.binary,) if self._target.binary else _PROGRAMS
        program = next(filter(None, map(shutil.which, wanted)), None)
        if program is None:
            raise TargetUnusableError(
                f"{' or '.join(wanted)} is not installed on this machine: install it, or say where"
                " it is with `binary`"
            )
        return Tool(program, self._directory, self._target.lock_timeout)

    def _place(self, key: str) -> Workplace:
        return Workplace(self._places / key)


def described(target: TerraformTarget) -> str:
    """Where a target is, for people."""
    return f"{target.directory}, workspace {target.workspace or 'default'}"


def _claimed(job: Job, command: str) -> Job:
    return replace(job, command=command, artifact=None)


def _dry_run(planned: Ended | Lost, place: Workplace) -> DryRun:
    if isinstance(planned, Lost):
        raise PlanRefusedError(planned.reason)
    if planned.exit_code:
        said = "it did not end in time" if planned.timed_out else planned.stderr.strip()
        raise PlanRefusedError(f"Terraform makes no plan of this: {said}")
    plan = place.plan.read_bytes()
    if len(plan) > ARTIFACT_MOST:
        most = ARTIFACT_MOST // 1024 // 1024
        raise PlanRefusedError(f"the plan is larger than {most} MiB: narrow it down with targets")
    shown = Capped(SHOWN_MOST)
    shown.feed(planned.stdout.encode())
    return DryRun(shown.text(), plan)
