"""Searches the runbooks for what an alert says, where no rule of theirs names it."""

from collections.abc import Iterable, Mapping
from typing import Final

from services.planner.query import query
from shared.events import TicketTriaged
from shared.policy.records.record import Record
from shared.runbook import Library
from shared.runbook.matching import allows
from shared.runbook.search import Answer, RunbookSearch, Sense, of_runbook
from shared.runbook.search import Record as Success
from shared.runbook.search.answer import judged

Successes = Mapping[str, Success]
NO_RECORDS: Final[Successes] = {}
#: How many hits are told, and so how many there are to choose from.
TOLD: Final = 5
#: How many are looked at for the verdict; if conditions leave fewer, so many times more.
_LOOKED_AT: Final = 10
_MORE: Final = 5


class Finder:
    """A search that follows a library: of another one, only the texts that are new are read.

    It goes by words, and where a ``meaning`` is given that has something to say, also by that.
    """

    def __init__(self, meaning: Sense | None = None) -> None:
        self._search = RunbookSearch(meaning=meaning)
        self._library = Library()
        self._versions: dict[str, str] = {}

    def follow(self, library: Library) -> None:
        """Search this library from now on; nothing is done where it is the same."""
        if library is self._library:
            return
        versions = {runbook.name: runbook.version for runbook in library.runbooks}
        for name in self._versions.keys() - versions.keys():
            self._search.remove(name)
        for runbook in library.runbooks:
            if self._versions.get(runbook.name) != runbook.version:
                self._search.put(of_runbook(runbook))
        self._versions, self._library = versions, library

    def find(
        self, library: Library, ticket: TicketTriaged, records: Successes = NO_RECORDS
    ) -> Answer:
        """What the search makes of a ticket, without runbooks whose condition does not hold."""
        self.follow(library)
        by_name = {runbook.name: runbook for runbook in library.runbooks}
        text, number = query(ticket.alert), _LOOKED_AT
        while True:
            answer = self._search.search(text, records=records, limit=number)
            hits = tuple(
                hit
                for hit in answer.hits
                if allows(by_name[hit.name], ticket.alert, ticket.severity)
            )
            if len(hits) >= _LOOKED_AT or len(answer.hits) < number:
                return judged(text, hits[:_LOOKED_AT], limit=TOLD, ranked_by=answer.ranked_by)
            number *= _MORE


def successes(library: Library, records: Iterable[Record]) -> dict[str, Success]:
    """The records of the texts that are in use, as the search counts them."""
    used = {(runbook.name, runbook.version) for runbook in library.runbooks}
    return {
        record.runbook: _success(record)
        for record in records
        if (record.runbook, record.version) in used
    }


def _success(record: Record) -> Success:
    # A check may find a problem gone, or not, after a plan of which nothing had to run.
    runs = max(record.runs, record.verified + record.failed)
    return Success(runs=runs, verified=record.verified, failed=record.failed)
