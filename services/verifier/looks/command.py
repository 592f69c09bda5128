"""Looks at a target with a read-only command."""

from datetime import timedelta
from typing import Final, Protocol

from services.verifier.watch import Observation
from shared.connectors.protocol import Connector
from shared.errors import HandrailError
from shared.events import CommandCheck

TIMEOUT: Final = timedelta(seconds=20)
_SHOWN: Final = 300


class Targets(Protocol):
    """Where connectors come from; see ``shared.connectors.registry.Connectors``."""

    def open(self, target: str) -> Connector: ...


class CommandLook:
    """Runs the command and compares its exit code."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def look(self, check: CommandCheck) -> Observation:
        try:
            connector = self._targets.open(check.target)
            ended = await connector.read(check.run, timeout=TIMEOUT)
        except HandrailError as error:
            # Not reached, not let in, not declared as it should be: all of it may change in time.
            return Observation(true=False, detail=str(error))
        if ended.timed_out:
            return Observation(true=False, detail=f"still ran after {TIMEOUT.total_seconds():g} s")
        text = (ended.stdout.strip() or ended.stderr.strip())[:_SHOWN]
        detail = f"exit code {ended.exit_code}" + (f": {text}" if text else "")
        return Observation(true=ended.exit_code == check.exit_code, detail=detail)
