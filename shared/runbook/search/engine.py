"""Search over runbooks: by words, by verified success, and by meaning where a model is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.runbook.search.adding import best
from shared.runbook.search.answer import FITS, Answer, Hit, Ranking, judged, reasons
from shared.runbook.search.directions import Similar
from shared.runbook.search.document import Document
from shared.runbook.search.fusion import fused
from shared.runbook.search.index import Index, Word
from shared.runbook.search.meaning import Sense
from shared.runbook.search.success import Record, boost

_NO_RECORDS: Final[Mapping[str, Record]] = {}
#: How many runbooks are looked at for the verdict, however few are told.
_LOOKED_AT: Final = 10
#: How many of each ranking are joined, and what the ranking by meaning counts beside the one by
#: words: alerts are written in names and terms, which words meet exactly and a small model blurs.
_JOINED: Final = 100
_MEANING: Final = 0.5
#: The cosine that says as much as a fit of ``FITS``.
_SIMILAR: Final = 0.36
_BY_WORDS_ALONE: Final = "ranked by words alone: not all runbooks are embedded yet"


@dataclass(frozen=True)
class _Ranked:
    """The best runbooks by words and, where there is a model, by meaning."""

    words: tuple[Word, ...]
    scores: Mapping[str, float]
    similar: Similar | None
    by_words: dict[str, int]
    by_meaning: dict[str, int]


class RunbookSearch:
    """Answers queries over the runbooks that were put in; the same query gets the same answer."""

    def __init__(self, documents: Iterable[Document] = (), *, meaning: Sense | None = None) -> None:
        self._index = Index()
        self._meaning = meaning
        for document in documents:
            self.put(document)

    def __len__(self) -> int:
        return len(self._index)

    def put(self, document: Document) -> None:
        """Add a runbook, or replace the one of its name."""
        self._index.put(document)
        if self._meaning is not None:
            self._meaning.put(document)

    def remove(self, name: str) -> None:
        """Take a runbook out; one that is not there is no error."""
        self._index.remove(name)
        if self._meaning is not None:
            self._meaning.remove(name)

    def search(
        self, query: str, *, records: Mapping[str, Record] = _NO_RECORDS, limit: int = 5
    ) -> Answer:
        """Rank the runbooks for what an alert says, and say whether one of them may start.

        Records move the score by words only, by a tenth at most.
        """
        number = max(limit, _LOOKED_AT)
        ranked = self._ranked(query, records, number)
        names, scores = list(ranked.by_words), ranked.scores
        ranked_by = Ranking.WORDS
        if ranked.similar is not None:
            ranked_by = Ranking.BOTH
            scores = fused([(names, 1.0), (list(ranked.by_meaning), _MEANING)])
            names = best(scores, number)
        hits = tuple(
            self._hit(name, ranked, scores[name], records.get(name)) for name in names[:number]
        )
        return judged(query, hits, limit=limit, ranked_by=ranked_by)

    def _ranked(self, query: str, records: Mapping[str, Record], number: int) -> _Ranked:
        words = self._index.read(query)
        similar = None if self._meaning is None else self._meaning.similar(query)
        wanted = number if similar is None else _JOINED
        scores = self._index.scores(words, wanted)
        for name in records.keys() & scores.keys():
            scores[name] *= boost(records[name])
        return _Ranked(
            words=words,
            scores=scores,
            similar=similar,
            by_words=_places(best(scores, wanted)),
            by_meaning=_places(() if similar is None else similar.best(_JOINED)),
        )

    def _hit(self, name: str, ranked: _Ranked, score: float, record: Record | None) -> Hit:
        match = self._index.explained(name, ranked.words)
        why, fit, strength = reasons(match, record), match.fit, ranked.scores.get(name, 0.0)
        if ranked.similar is not None:
            cosine = ranked.similar.of(name)
            fit = (fit + cosine * FITS / _SIMILAR) / 2
            strength += cosine
            why = (*why, _joined(ranked.by_words.get(name), ranked.by_meaning.get(name), cosine))
        elif self._meaning is not None:
            why = (*why, _BY_WORDS_ALONE)
        document = match.document
        return Hit(name, document.title, document.file, score, fit, strength, why)


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names, 1)}


def _joined(by_words: int | None, by_meaning: int | None, cosine: float) -> str:
    return (
        f"place {by_words or 'none'} by words, {by_meaning or 'none'} by meaning "
        f"(cosine {cosine:.2f})"
    )
