"""Where targets are declared, replaced and removed: over what was seen, and written down."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from services.console.api.conditions import Conditions, overtaken
from services.console.audit.entry import Deed, Witness
from services.console.targets.target import Known, TargetView
from services.console.tokens.token import Caller
from shared.config.targets import Target
from shared.targets.store import Declared, TargetExistsError


class Added(Protocol):
    """See ``shared.targets.store.MongoTargets``."""

    async def all(self) -> list[Declared]: ...
    async def add(self, target: Declared) -> None: ...
    async def replace(self, target: Declared, before: Declared) -> bool: ...
    async def drop(self, before: Declared) -> bool: ...


@dataclass(frozen=True)
class Put:
    """A target as it is after it was declared."""

    view: TargetView
    etag: str
    is_new: bool


@dataclass(frozen=True)
class TargetDesk:
    """``file`` are the targets of handrail.yaml, which stay as they are."""

    file: Mapping[str, Target]
    added: Added
    witness: Witness
    now: Callable[[], datetime]

    async def known(self) -> Known:
        """All targets as they are now.

        Raises:
            UnavailableError: the store does not answer.
        """
        return Known(self.file, {each.name: each for each in await self.added.all()})

    async def views(self) -> dict[str, TargetView]:
        """Each as it is shown.

        Raises:
            UnavailableError: the store does not answer.
        """
        return (await self.known()).views()

    async def put(self, name: str, target: Target, caller: Caller, conditions: Conditions) -> Put:
        """Declare a target, or replace one that was added.

        Raises:
            Refusal: it cannot be, or is not what the conditions ask for.
            UnavailableError: the store does not answer.
        """
        said = target.model_dump(mode="json", exclude_unset=True)
        declared = Declared(name, said, self.now(), caller.by)
        found = await self.known()
        found.check_file(name)
        conditions.check(found.etag(name))
        found.check_with(name, target, declared)
        before = found.added.get(name)
        deed = Deed.TARGET_REPLACED if before else Deed.TARGET_DECLARED
        async with self.witness.of(caller, deed, name, detail=_change(before, declared)):
            if not await self._kept(declared, before):
                raise overtaken(conditions)
        after = Known(self.file, {**found.added, name: declared})
        return Put(after.view(name), str(after.etag(name)), before is None)

    async def _kept(self, declared: Declared, before: Declared | None) -> bool:
        """Whether it was written over what was seen, and nothing else."""
        if before is not None:
            return await self.added.replace(declared, before)
        try:
            await self.added.add(declared)
        except TargetExistsError:
            return False
        return True

    async def remove(self, name: str, caller: Caller, conditions: Conditions) -> None:
        """Have an added target no more.

        Raises:
            Refusal: it cannot be, or is not what the conditions ask for.
            UnavailableError: the store does not answer.
        """
        found = await self.known()
        found.check_file(name)
        conditions.check(found.etag(name))
        found.check_without(name)
        before = found.added[name]
        change = _change(before, None)
        async with self.witness.of(caller, Deed.TARGET_REMOVED, name, detail=change):
            if not await self.added.drop(before):
                raise overtaken(conditions)


def _change(before: Declared | None, after: Declared | None) -> str:
    """What was changed into what; secrets are in both by name only."""
    said: dict[str, Any] = {}
    if before is not None:
        said["before"] = dict(before.said)
    if after is not None:
        said["after"] = dict(after.said)
    return json.dumps(said, ensure_ascii=False)
