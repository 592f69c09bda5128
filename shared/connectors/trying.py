"""Whether a target is there and lets Handrail in: a look at it that changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.calls import http, kubernetes, terraform
from shared.config import Target
from shared.connectors.protocol import Ended
from shared.connectors.registry import Connectors
from shared.errors import HandrailError

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
