"""Targets as the command line shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.config import Target
from shared.connectors.registry import Connectors
from shared.errors import HandrailError
from shared.targets.live import usable
from shared.targets.store import Declared


@dataclass(frozen=True)
class Known:
    """All targets: of the file, added ones, and added ones that cannot be used, with why."""

    file: Mapping[str, Target]
    added: Mapping[str, Declared]
    usable: Mapping[str, Target]
    wrong: Mapping[str, str]
    connectors: Connectors = field(repr=False)

    @classmethod
    def of(
        cls, file: Mapping[str, Target], added: list[Declared], connectors: Connectors
    ) -> "Known":
        found, wrong = usable(added, file)
        return cls(file, {each.name: each for each in added}, found, wrong, connectors)

    def names(self) -> list[str]:
        return sorted({*self.file, *self.added})

    def told(self, name: str) -> dict[str, Any]:
        """All that is declared of a target, for a person or a program.

        Raises:
            NoTargetError: there is none of that name.
        """
        target = self.file.get(name) or self.usable.get(name)
        added = None if name in self.file else self.added.get(name)
        if target is None and added is None:
            raise NoSuchTargetError(name, self.names())
        said = target.model_dump(mode="json", exclude_unset=True) if target else {}
        return {
            "name": name,
            "from": "handrail.yaml" if name in self.file else _added_through(added),
            "by": added.added_by if added else None,
            "at": added.added_at if added else None,
            "reached": self.connectors.describe(name) if target else "",
            "problem": self.wrong.get(name, "") if name not in self.file else "",
            "environment": target.environment if target else None,
            "aliases": list(target.aliases) if target else [],
            "match": dict(target.match) if target else {},
            "declared": said or dict(added.said if added else {}),
        }


def _added_through(added: Declared | None) -> str:
    by_api = added is not None and added.added_by.startswith("api:")
    return "the API" if by_api else "handrail target add"


class NoSuchTargetError(HandrailError):
    """There is no target of that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no target {name}; there are: {', '.join(known) or 'none'}")
