"""The variables that Handrail sets, in a file that Terraform reads by itself, and those before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.connectors.protocol import TargetUnusableError
from shared.errors import PermanentError

FILE: Final = "handrail.auto.tfvars.json"
_BEFORE: Final = Path(".handrail")
_KEPT: Final = 20


class NothingToRollBackError(PermanentError):
    """Handrail has set no variables here that could be taken back. Nothing was done."""


@dataclass(frozen=True)
class VariablesFile:
    """``handrail.auto.tfvars.json`` in a directory; what was in it before lies in ``.handrail``."""

    directory: Path

    @property
    def path(self) -> Path:
        return self.directory / FILE

    def now(self) -> dict[str, Any]:
        """What is set.

        Raises:
            TargetUnusableError: the file cannot be read, or is no object of JSON.
        """
        return _read(self.path) if self.path.exists() else {}

    def with_set(self, variables: Mapping[str, Any]) -> str:
        """The file as it has to be when these are set as well."""
        return json.dumps({**self.now(), **variables}, indent=2, sort_keys=True) + "\n"

    def before(self) -> Path:
        """Where the variables before the last change are.

        Raises:
            NothingToRollBackError: there is no such change.
        """
        kept = self._kept()
        if not kept:
            raise NothingToRollBackError(f"no variables were set by Handrail in {self.directory}")
        return kept[-1]

    def next_before(self, key: str) -> Path:
        """Where to keep what is set now, when the job of this key changes it."""
        kept = self._kept()
        last = int(kept[-1].name.split("-")[0]) if kept else 0
        return self.directory / _BEFORE / f"{last + 1:06}-{key}.json"

    def prune(self) -> None:
        """Forget the oldest of what was before."""
        for old in self._kept()[:-_KEPT]:
            old.unlink(missing_ok=True)

    def _kept(self) -> list[Path]:
        return sorted((self.directory / _BEFORE).glob("[0-9]*-*.json"))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TargetUnusableError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise TargetUnusableError(f"{path} is no object of JSON: mend it or take it away")
    return found
