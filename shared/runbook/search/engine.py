"""Search over runbooks: by words, and by verified success."""

from collections.abc import Iterable, Mapping
from typing import Final

from shared.runbook.search.answer import FITS, Answer, Hit, judged, reasons
from shared.runbook.search.document import Document
from shared.runbook.search.index import Index, best
from shared.runbook.search.success import Record, boost

_NO_RECORDS: Final[Mapping[str, Record]] = {}
#: How many runbooks are looked at for the verdict, however few are told.
_LOOKED_AT: Final = 10


class RunbookSearch:
    """Answers queries over the runbooks that were put in; the same query gets the same answer."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self._index = Index(documents)

    def __len__(self) -> int:
        return len(self._index)

    def put(self, document: Document) -> None:
        """Add a runbook, or replace the one of its name."""
        self._index.put(document)

    def remove(self, name: str) -> None:
        """Take a runbook out; one that is not there is no error."""
        self._index.remove(name)

    def search(
        self, query: str, *, records: Mapping[str, Record] = _NO_RECORDS, limit: int = 5
    ) -> Answer:
        """Rank the runbooks for what an alert says, and say whether one of them may start."""
        words = self._index.read(query)
        scores = self._index.scores(words)
        for name in records.keys() & scores.keys():
            scores[name] *= boost(records[name])
        hits = []
        for name in best(scores, max(limit, _LOOKED_AT)):
            match = self._index.explained(name, words)
            document = match.document
            why = reasons(match, records.get(name))
            hits.append(Hit(name, document.title, document.file, scores[name], match.fit, why))
        fits = bool(hits) and hits[0].fit >= FITS
        return judged(query, tuple(hits), fits=fits, limit=limit)
