"""Looks at a database with a query, in a transaction that cannot write."""

from services.verifier.looks.command import SHOWN, Targets, read
from services.verifier.watch import Observation
from shared.events import SqlCheck


class SqlLook:
    """Runs the query; true is a row whose first column is neither null, false, zero nor empty."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    async def look(self, check: SqlCheck) -> Observation:
        ended = await read(self._targets, check)
        if isinstance(ended, Observation):
            return ended
        told = ended.stdout.strip() or ended.stderr.strip() or "no rows"
        return Observation(true=ended.exit_code == 0, detail=told[:SHOWN])
