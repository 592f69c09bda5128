"""A call as one shell command: plan, apply exactly that plan, and keep the variables."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.calls.call import Call
from shared.calls.terraform import (
    Apply,
    Plan,
    RefreshOnly,
    Replace,
    Rollback,
    SetVariables,
    Taint,
    Untaint,
)
from shared.connectors.terraform.commands import Tool
from shared.connectors.terraform.variables import VariablesFile
from shared.connectors.terraform.workplace import Workplace

#: Names of a job's files.
AFTER: Final = "after.tfvars.json"
BEFORE: Final = "before.tfvars.json"
NOW: Final = "now.tfvars.json"
ONCE: Final = "once.tfvars.json"

_CHANGED: Final = "the variables were changed meanwhile: nothing was applied, plan again"


@dataclass(frozen=True)
class Changes:
    """Commands for the calls of one job."""

    tool: Tool
    var_files: tuple[Path, ...]
    variables: VariablesFile
    place: Workplace

    def looking(self, call: Plan, *, lock: bool = True) -> str:
        """Plan and show; keeps nothing."""
        files = self._var_files(call)
        return self.tool.plan(_options(call), files, expect=call.expect, lock=lock)

    def planning(self, call: Call) -> str:
        """Save the plan of a change."""
        return self.tool.plan(_options(call), self._var_files(call), out=self.place.plan)

    def applying(self, call: Call, key: str) -> str:
        """Apply the saved plan; the variables are kept only once all of it is applied."""
        apply = self.tool.apply(self.place.plan)
        match call:
            case SetVariables():
                before = self.variables.next_before(key)
                keep = (
                    f"mkdir -p -m 700 {_q(before.parent)}",
                    f"cp {_q(self.place.directory / BEFORE)} {_q(before)}",
                    self._put(self.place.directory / AFTER),
                )
                return " && ".join((self._unchanged, apply, *keep))
            case Rollback():
                before = self.variables.before()
                return " && ".join((self._unchanged, apply, self._put(before), f"rm {_q(before)}"))
        return apply

    def now_files(self) -> Sequence[Path]:
        """The files of variables as they stand."""
        return self._var_files(Plan())

    def _var_files(self, call: Call) -> Sequence[Path]:
        files = list(self.var_files)
        match call:
            case SetVariables():
                return [*files, self.place.directory / AFTER]
            case Rollback():
                return [*files, self.variables.before()]
        if self.variables.path.exists():
            # Terraform reads it by itself too, but before the files of the target.
            files.append(self.variables.path)
        if isinstance(call, Plan | Apply) and call.variables:
            files.append(self.place.directory / ONCE)
        return files

    def _put(self, source: Path) -> str:
        half = self.variables.path.with_name(f".{self.variables.path.name}.new")
        return f"cp {_q(source)} {_q(half)} && mv -f {_q(half)} {_q(self.variables.path)}"

    @property
    def _unchanged(self) -> str:
        now, path = _q(self.place.directory / NOW), _q(self.variables.path)
        same = f"{{ [ ! -e {path} ] && [ ! -s {now} ] || cmp -s {now} {path}; }}"
        return f"{{ {same} || {{ echo {shlex.quote(_CHANGED)} >&2; false; }}; }}"


def marking(call: Taint | Untaint, tool: Tool) -> str:
    """Mark resources, or take the marks away."""
    return tool.each(call.action, call.addresses)


def _options(call: Call) -> tuple[str, ...]:
    match call:
        case Plan(targets=targets, destroy=destroy):
            return _targets(targets) + _flag("-destroy", wanted=destroy)
        case Apply(targets=targets, replace=replaced, destroy=destroy):
            again = tuple(f"-replace={address}" for address in replaced)
            return _targets(targets) + again + _flag("-destroy", wanted=destroy)
        case Replace(addresses=addresses):
            return tuple(f"-replace={address}" for address in addresses)
        case RefreshOnly():
            return ("-refresh-only",)
    return ()


def _targets(addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"-target={address}" for address in addresses)


def _flag(name: str, *, wanted: bool) -> tuple[str, ...]:
    return (name,) if wanted else ()


def _q(path: Path) -> str:
    return shlex.quote(str(path))
