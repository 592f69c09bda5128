"""Where a ticket is planned and judged, with one and the same library from beginning to end."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from services.planner.judging import Judge
from services.planner.plan import Conclusion, Planner
from shared.events import PlanReady, TicketTriaged
from shared.runbook import Library


class Books(Protocol):
    """See ``versions.shelf.Shelf``."""

    @property
    def library(self) -> Library: ...


@dataclass(frozen=True)
class Desk:
    """Plans tickets with the runbooks that are active when it is asked."""

    planner: Planner
    judge: Judge
    books: Books

    async def conclude(self, ticket: TicketTriaged, now: datetime) -> Conclusion:
        """See ``Planner.conclude`` and ``Judge.judged``.

        Raises:
            UnavailableError: see there.
        """
        # Runbooks may change while the judge asks the store: labels have to be the plan's own.
        library = self.books.library
        made = replace(self.planner, library=library).conclude(ticket)
        if not isinstance(made, PlanReady):
            return made
        bench = replace(self.judge.bench, library=library)
        return await replace(self.judge, bench=bench).judged(ticket, made, now)
