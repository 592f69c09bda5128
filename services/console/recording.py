"""Puts the entries of events that come at the same time into one write, whatever their kind."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.console.chain import Entry
from services.console.store import Timelines
from shared.groupcommit import GroupCommit

#: How long an entry waits for others: nobody reads a timeline faster.
PATIENCE: Final = timedelta(milliseconds=50)
_MOST: Final = 500


class Recorder:
    """Records entries in timelines, many together."""

    def __init__(self, timelines: Timelines, patience: timedelta = PATIENCE) -> None:
        self._timelines = timelines
        self._commits: GroupCommit[Sequence[Entry], None] = GroupCommit(
            self._append, most=_MOST, size=len, patience=patience
        )

    async def record(self, entries: Sequence[Entry]) -> None:
        """Returns when they are stored; see ``Timelines.append``.

        Raises:
            UnavailableError: the store does not answer.
        """
        if entries:
            await self._commits.add(entries)

    async def _append(self, groups: Sequence[Sequence[Entry]]) -> Sequence[None]:
        await self._timelines.append([entry for group in groups for entry in group])
        return [None] * len(groups)
