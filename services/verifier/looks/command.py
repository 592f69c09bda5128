"""Looks at a target with a read-only command."""

from datetime import timedelta
from typing import Final, Protocol

from services.verifier.watch import Observation
from shared.connectors.protocol import Connector, Ended
from shared.errors import HandrailError
from shared.events import CommandCheck, SqlCheck

TIMEOUT: Final = timedelta(seconds=20)
SHOWN: Final = 300


class Targets(Protocol):
    """Where connectors come from; see ``shared.connectors.registry.Connectors``."""

    def open(self, target: str) -> Connector: ...


async def read(targets: Targets, check: CommandCheck | SqlCheck) -> Ended | Observation:
    """What a check's command or query came to; an observation where it did not end."""
    try:
        connector = targets.open(check.target)
        ended = await connector.read(check.run, timeout=TIMEOUT)
    except HandrailError as error:
        # Not reached, not let in, not declared as it should be: all of it may change in time.
        return Observation(true=False, detail=str(error))
    if ended.timed_out:
        return Observation(true=False, detail=f"still ran after {TIMEOUT.total_seconds():g} s")
    return ended


class CommandLook:
    """Runs the command and compares its exit code."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def look(self, check: CommandCheck) -> Observation:
        ended = await read(self._targets, check)
        if isinstance(ended, Observation):
            return ended
        text = (ended.stdout.strip() or ended.stderr.strip())[:SHOWN]
        detail = f"exit code {ended.exit_code}" + (f": {text}" if text else "")
        return Observation(true=ended.exit_code == check.exit_code, detail=detail)
