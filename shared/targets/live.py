"""All targets that are declared now: those of ``handrail.yaml``, and those that were added."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final, Protocol

import structlog
from pydantic import TypeAdapter, ValidationError

from shared.complaints import complaint
from shared.config.targets import Target
from shared.config.targets.ssh import via_mistakes
from shared.targets.store import Declared

log = structlog.get_logger(__name__)

#: How often it is looked whether targets were added or removed.
PAUSE: Final = timedelta(seconds=2)
_TARGET: Final[TypeAdapter[Target]] = TypeAdapter(Target)


class Added(Protocol):
    """See ``shared.targets.store.MongoTargets``."""

    async def all(self) -> list[Declared]: ...


class LiveTargets(Mapping[str, Target]):
    """Targets by name, always as they are by the last look; of equal names the file's counts.

    ``changed`` is told of the names of those that are new, gone or not what they were.
    """

    def __init__(self, declared: Mapping[str, Target], added: Added | None = None) -> None:
        self._file = dict(declared)
        self._added = added
        self._all: dict[str, Target] = dict(declared)
        self._told: dict[str, str] = {}
        self.changed: list[Callable[[set[str]], None]] = []

    def __getitem__(self, name: str) -> Target:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    async def look(self) -> None:
        """See what was added or removed.

        Raises:
            UnavailableError: the store does not answer; what was known stands.
        """
        if self._added is None:
            return
        found, wrong = usable(await self._added.all(), self._file)
        self._tell(wrong)
        known, now = self._all, {**found, **self._file}
        # What did not change stays the same object: who resolves its secrets is known to it.
        self._all = {name: _same(known.get(name), each) for name, each in now.items()}
        changed = {name for name in {*known, *now} if known.get(name) is not self._all.get(name)}
        if changed:
            for told in self.changed:
                told(changed)

    def _tell(self, wrong: Mapping[str, str]) -> None:
        for name, reason in wrong.items():
            if self._told.get(name) != reason:
                log.warning("target.left_out", target=name, reason=reason)
        self._told = dict(wrong)


def _same(before: Target | None, now: Target) -> Target:
    """What a target was, where it is still that."""
    is_same = before is not None and before.model_dump() == now.model_dump()
    return before if before is not None and is_same else now


def usable(
    added: list[Declared], file: Mapping[str, Target]
) -> tuple[dict[str, Target], dict[str, str]]:
    """The targets that can be used, and why others cannot."""
    found: dict[str, Target] = {}
    wrong: dict[str, str] = {}
    for each in added:
        if each.name in file:
            wrong[each.name] = "handrail.yaml declares a target of this name, which counts"
            continue
        try:
            found[each.name] = _TARGET.validate_python(dict(each.said))
        except ValidationError as error:
            wrong[each.name] = "; ".join(complaint(detail) for detail in error.errors())
    for where, reason in via_mistakes({**found, **file}):
        if found.pop(where[0], None) is not None:
            wrong[where[0]] = reason
    return found, wrong
