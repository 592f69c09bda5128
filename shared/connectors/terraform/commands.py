"""The command lines of Terraform, each with everything quoted for a shell."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from shared.calls.terraform import Expectation

#: The exit code of ``plan -detailed-exitcode`` that says "there are changes".
CHANGES: Final = 2


@dataclass(frozen=True)
class Tool:
    """A program and the directory of its configuration."""

    program: str
    directory: Path
    lock_timeout: timedelta

    def plan(
        self,
        options: Iterable[str],
        var_files: Iterable[Path],
        *,
        out: Path | None = None,
        expect: Expectation = Expectation.ANYTHING,
        lock: bool = True,
    ) -> str:
        """Plan; ends with 0, or with 2 where no changes were expected and there are some."""
        saved = (f"-out={out}",) if out is not None else ()
        files = (f"-var-file={file}" for file in var_files)
        detailed = ("-detailed-exitcode",) if expect is Expectation.NO_CHANGES else ()
        locked = self._lock if lock else ("-lock=false",)
        return self._line("plan", "-input=false", *locked, *detailed, *files, *options, *saved)

    def show(self, plan: Path) -> str:
        """A saved plan in words."""
        return self._line("show", str(plan))

    def apply(self, plan: Path) -> str:
        """Apply exactly a saved plan; Terraform refuses one that is stale."""
        return self._line("apply", "-input=false", *self._lock, str(plan))

    def each(self, action: str, addresses: Iterable[str]) -> str:
        """Taint or untaint resources, one after the other."""
        return " && ".join(self._line(action, *self._lock, "--", address) for address in addresses)

    def outputs(self) -> str:
        """All outputs as JSON, the sensitive ones too."""
        return self._line("output", "-json")

    def console(self, var_files: Iterable[Path]) -> str:
        """Evaluates the expressions on its input, a line each."""
        return self._line("console", *(f"-var-file={file}" for file in var_files))

    def has_workspace(self, name: str) -> str:
        """Succeeds when there is such a workspace; Terraform itself would begin an empty one."""
        listed = shlex.join((self.program, f"-chdir={self.directory}", "workspace", "list"))
        return f"env -u TF_WORKSPACE {listed} | grep -qxF -e {_either(name)}"

    @property
    def _lock(self) -> tuple[str, ...]:
        return (f"-lock-timeout={max(1, round(self.lock_timeout.total_seconds()))}s",)

    def _line(self, action: str, *arguments: str) -> str:
        chdir = f"-chdir={self.directory}"
        return shlex.join((self.program, chdir, action, "-no-color", *arguments))


def _either(name: str) -> str:
    """A line of the list, which marks the selected workspace."""
    return f"{shlex.quote(f'  {name}')} -e {shlex.quote(f'* {name}')}"
