"""The planner's search, as a backtest asks it: often in vain, and for what it had in mind."""

from deploy.backtest.version import Version
from services.planner.finding import NO_RECORDS, TOLD, Finder, Successes
from services.planner.query import query
from shared.events import TicketTriaged
from shared.runbook import Library
from shared.runbook.matching import allows
from shared.runbook.search import Answer, Verdict
from shared.runbook.search.answer import judged


class NotingFinder(Finder):
    """A search that notes which runbooks came into question the last time.

    Where no runbook's condition holds it does not search, which comes to the same: most of the time
    of a backtest would go into hits that their conditions rule out.
    """

    def __init__(self, version: Version) -> None:
        super().__init__(version.meaning())
        self.found: tuple[str, ...] = ()
        # Of each condition one runbook: libraries have few different ones.
        by_condition = {one.content.match.when: one for one in version.library.runbooks}
        self._conditions = tuple(by_condition.values())

    def find(
        self, library: Library, ticket: TicketTriaged, records: Successes = NO_RECORDS
    ) -> Answer:
        if any(allows(one, ticket.alert, ticket.severity) for one in self._conditions):
            answer = super().find(library, ticket, records)
        else:
            answer = judged(query(ticket.alert), (), limit=TOLD)
        self.found = () if answer.verdict is Verdict.NONE else answer.choices
        return answer
