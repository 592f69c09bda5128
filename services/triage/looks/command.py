"""Looks with a read-only command on a target."""

from collections.abc import Callable
from typing import Protocol

from services.triage.looks.answer import Answer, NoValueError, found
from shared.config.evidence import CommandLook
from shared.connectors.protocol import Connector, Ended

_SHOWN = 200


class Targets(Protocol):
    """Where connectors come from; see ``shared.connectors.registry.Connectors``."""

    def open(self, target: str, *, uses: str | None = None) -> Connector: ...


class CommandLooks:
    """Takes a value out of what a command writes, whatever its exit code; ``mask`` has secrets."""

    def __init__(self, targets: Targets, mask: Callable[[str], str]) -> None:
        self._targets = targets
        self._mask = mask

    async def look(self, look: CommandLook) -> Answer:
        connector = self._targets.open(look.target, uses=look.uses)
        ended = await connector.read(look.run, timeout=look.timeout)
        try:
            # From the masked text: what is found is shown, and stands in commands.
            value = found(look.output, self._mask(ended.stdout))
        except NoValueError as none:
            raise NoValueError(f"{none}; {_how(ended)}") from none
        return Answer(value, _how(ended) if ended.exit_code else "")


def _how(ended: Ended) -> str:
    said = " ".join(ended.stderr.split())[:_SHOWN]
    return f"exit code {ended.exit_code}" + (f": {said}" if said else "")
