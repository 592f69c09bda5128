"""Looks at a database with a query, in a transaction that cannot write."""

from datetime import timedelta
from typing import Final

from services.verifier.looks.command import Targets
from services.verifier.watch import Observation
from shared.errors import HandrailError
from shared.events import SqlCheck

TIMEOUT: Final = timedelta(seconds=20)
_SHOWN: Final = 300


class SqlLook:
    """Runs the query; true is a row whose first column is neither null, false, zero nor empty."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def look(self, check: SqlCheck) -> Observation:
        try:
            connector = self._targets.open(check.target)
            ended = await connector.read(check.run, timeout=TIMEOUT)
        except HandrailError as error:
            # Not reached, not let in, not declared as it should be: all of it may change in time.
            return Observation(true=False, detail=str(error))
        if ended.timed_out:
            return Observation(true=False, detail=f"still ran after {TIMEOUT.total_seconds():g} s")
        told = ended.stdout.strip() or ended.stderr.strip() or "no rows"
        return Observation(true=ended.exit_code == 0, detail=told[:_SHOWN])
