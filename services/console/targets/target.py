"""Targets as the API shows them, and what may become of them. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from services.console.api.problem import Refusal, Wrong, misunderstood
from shared.config.targets import Target
from shared.config.targets.target import Allow
from shared.secrets import SecretRef, secret_refs
from shared.targets.live import usable
from shared.targets.store import Declared


class Origin(StrEnum):
    """From where something is declared: `handrail.yaml`, or added while services run."""

    FILE = "file"
    ADDED = "added"


class TargetView(BaseModel):
    """A target: where it is declared, how it is reached, what alerts call it, what is allowed."""

    model_config = ConfigDict(frozen=True)

    name: str
    origin: Origin
    connector: str
    problem: Annotated[str, Field(description="Why it cannot be used; empty where it can.")] = ""
    added_at: datetime | None = None
    added_by: str | None = None
    environment: str | None = None
    aliases: tuple[str, ...] = ()
    match: dict[str, str] = {}
    allow: Allow | None = None
    credentials: Annotated[
        tuple[str, ...], Field(description="By name, as in `GET /api/v1/credentials`.")
    ] = ()
    declared: Annotated[dict[str, Any], Field(description="As in `handrail.yaml`.")]

    @classmethod
    def of(cls, name: str, target: Target, added: Declared | None) -> Self:
        return cls(
            name=name,
            origin=Origin.ADDED if added else Origin.FILE,
            connector=target.connector,
            added_at=added.added_at if added else None,
            added_by=added.added_by if added else None,
            environment=target.environment,
            aliases=target.aliases,
            match=target.match,
            allow=target.allow,
            credentials=tuple(credentials_of(target)),
            declared=target.model_dump(mode="json", exclude_unset=True),
        )

    @classmethod
    def unusable(cls, added: Declared, problem: str) -> Self:
        """One that was added once, and cannot be used as things are now."""
        connector = str(added.said.get("connector", ""))
        return cls(
            name=added.name,
            origin=Origin.ADDED,
            connector=connector,
            problem=problem,
            added_at=added.added_at,
            added_by=added.added_by,
            declared=dict(added.said),
        )


def credentials_of(target: Target) -> list[str]:
    """The credentials that a target names."""
    return sorted({ref.credential for ref in secret_refs(target) if ref.credential})


@dataclass(frozen=True)
class Known:
    """All targets: of the file, and those that were added."""

    file: Mapping[str, Target]
    added: Mapping[str, Declared]

    def views(self) -> dict[str, TargetView]:
        """Each as it is shown; of equal names the file's."""
        found, wrong = usable(list(self.added.values()), self.file)
        shown = {name: TargetView.of(name, each, None) for name, each in self.file.items()}
        for name, added in self.added.items():
            if name in found:
                shown[name] = TargetView.of(name, found[name], added)
            elif name not in shown:
                shown[name] = TargetView.unusable(added, wrong[name])
        return shown

    def view(self, name: str) -> TargetView:
        """One of them.

        Raises:
            Refusal: there is none of that name.
        """
        shown = self.views().get(name)
        if shown is None:
            raise Refusal(404, "there is no target of that name")
        return shown

    def etag(self, name: str) -> str | None:
        """What tells one state of a target from another; None where it is not there."""
        if name in self.file:
            return _etag(self.file[name].model_dump(mode="json"))
        added = self.added.get(name)
        return None if added is None else _etag({**added.said, "added_at": str(added.added_at)})

    def check_file(self, name: str) -> None:
        """See that a target is not the file's.

        Raises:
            Refusal: it is.
        """
        if name in self.file:
            hint = "it is changed and taken out there, and the services are restarted"
            raise Refusal(409, f"handrail.yaml declares the target {name}: {hint}")

    def check_with(self, name: str, target: Target, declared: Declared) -> None:
        """See that a target can be as it is declared, and others still can be used.

        Raises:
            Refusal: it, or another, could not.
        """
        if any(not _is_by_name(ref) for ref in secret_refs(target)):
            told = (
                "what is declared by API names its secrets as {credential: NAME}; env, file and "
                "vault are for handrail.yaml, whose author may read them anyway"
            )
            raise misunderstood(Wrong(where="body", told=told))
        after = {**self.added, name: declared}
        _, wrong = usable(list(after.values()), self.file)
        if name in wrong:
            raise misunderstood(Wrong(where="via", told=wrong[name]))
        _check_others(self._made_wrong(after))

    def check_without(self, name: str) -> None:
        """See that the others can still be used when one is gone.

        Raises:
            Refusal: it is not there, or others are reached through it.
        """
        if name not in self.added:
            raise Refusal(404, "there is no target of that name")
        _check_others(self._made_wrong({k: v for k, v in self.added.items() if k != name}))

    def _made_wrong(self, after: Mapping[str, Declared]) -> dict[str, str]:
        """Those that could be used before and could not be after, and why."""
        _, before = usable(list(self.added.values()), self.file)
        _, wrong = usable(list(after.values()), self.file)
        return {name: told for name, told in wrong.items() if name not in before}


def _check_others(wrong: Mapping[str, str]) -> None:
    if wrong:
        raise Refusal(409, f"others are reached through it: {', '.join(sorted(wrong))}")


def _is_by_name(ref: SecretRef) -> bool:
    return ref.credential is not None


def _etag(said: Mapping[str, Any]) -> str:
    text = json.dumps(said, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
