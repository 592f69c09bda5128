"""Targets as the command line shows and tries them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from shared.calls import http, kubernetes, terraform
from shared.config import Target
from shared.connectors.protocol import Ended
from shared.connectors.registry import Connectors
from shared.errors import HandrailError
from shared.targets.live import usable
from shared.targets.store import Declared

_FIRST: Final = 200
#: Whatever a server says of its first page, it answers, and lets Handrail in.
_ANSWERED: Final = (200, 204, 301, 302, 303, 307, 308, 400, 404, 405, 501)

#: By connector, what changes nothing and says that a target is there and lets Handrail in.
_LOOKS: Final[Mapping[str, str]] = {
    "local": "true",
    "ssh": "true",
    "winrm": "$null",
    "sql": "SELECT 1",
    "http": http.Head(path="/", expect=http.Expected(status=_ANSWERED)).text(),
    "terraform": terraform.Output().text(),
}


@dataclass(frozen=True)
class Tried:
    """What came of a look at a target."""

    ok: bool
    told: str


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
            "from": "handrail.yaml" if name in self.file else "handrail target add",
            "by": added.added_by if added else None,
            "at": added.added_at if added else None,
            "reached": self.connectors.describe(name) if target else "",
            "problem": self.wrong.get(name, "") if name not in self.file else "",
            "environment": target.environment if target else None,
            "aliases": list(target.aliases) if target else [],
            "match": dict(target.match) if target else {},
            "declared": said or dict(added.said if added else {}),
        }


class NoSuchTargetError(HandrailError):
    """There is no target of that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no target {name}; there are: {', '.join(known) or 'none'}")


async def tried(name: str, target: Target, connectors: Connectors, limit: timedelta) -> Tried:
    """Open a target, and look at something there that changes nothing."""
    try:
        connector = connectors.open(name)
        look = _look(target)
        if look is None:
            told = "its section and its secrets are right; nothing there is looked at"
            return Tried(True, told)
        return _judged(await connector.read(look, timeout=limit))
    except HandrailError as error:
        return Tried(False, str(error))


def _look(target: Target) -> str | None:
    if target.connector == "kubernetes":
        if target.namespaces is None:
            return kubernetes.Get(kind="Namespace", name="default").text()
        # No pod has it: that there are none is an answer as well.
        return kubernetes.Get(
            kind="Pod", namespace=target.namespaces[0], selector="handrail=none"
        ).text()
    return _LOOKS.get(target.connector)


def _judged(ended: Ended) -> Tried:
    if ended.exit_code == 0:
        return Tried(True, "it answers, and lets Handrail in")
    said = (ended.stderr or ended.stdout).strip().partition("\n")[0][:_FIRST]
    limit = "it took too long" if ended.timed_out else f"the look ended with {ended.exit_code}"
    return Tried(False, f"{limit}: {said}" if said else limit)
