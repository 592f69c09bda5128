"""An inverted index over runbooks: BM25 over weighted fields (BM25F), in plain Python.

After Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009). What
a word counts in a runbook is known when the runbook is put in; a query only adds that up.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from shared.runbook.search.adding import Look, added
from shared.runbook.search.document import WEIGHINGS, Document, Field
from shared.runbook.search.spelling import Spellings
from shared.runbook.search.success import MOST
from shared.runbook.search.words import NEAR, SAY_LITTLE, of_names, terms

#: How soon more of the same word stops to count.
_K1: Final = 3.0
#: How much a long field's words count less.
_B: Final = 0.35
#: What a word counts that stands in alerts of every kind.
_LITTLE: Final = 0.35
#: What a word counts that is part of a machine's name.
_OF_A_NAME: Final = 0.5
#: What a word counts that no runbook has: often it names something of the site.
_UNKNOWN: Final = 0.5
#: What a near word counts beside the word itself, and a word whose spelling was mended.
_NEAR: Final = 0.5
_MENDED: Final = 0.7
#: Alert texts can be pages; what comes after so many different words does not change the answer.
_MOST_WORDS: Final = 48
_SHORTEST_PART: Final = 3
#: Records lift one by at most a tenth and lower another by as much.
_SLACK: Final = (1 - MOST) / (1 + MOST)
#: Below this, how many runbooks have a word says nothing of how rare it is.
_FEWEST: Final = 64


@dataclass(frozen=True)
class Word:
    """A word of a query, and what is looked for, each with its share.

    ``weight`` is how well it tells these runbooks apart; ``says`` is how much it says at all, and
    depends less on how many of them have it.
    """

    term: str
    weight: float
    says: float
    looked_for: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Met:
    """A word of the query in a runbook: through which term, in which fields, for how much."""

    term: str
    through: str
    fields: tuple[Field, ...]
    score: float
    heard: float


@dataclass(frozen=True)
class Match:
    """A runbook beside a query.

    ``share`` is how much of what the query says the runbook speaks of, 0 to 1. ``fit`` asks besides
    that this is not too little in itself: one word of two is less than five of ten. It does not
    depend on other runbooks' scores, nor much on their number.
    """

    document: Document
    score: float
    share: float
    fit: float
    met: tuple[Met, ...]


class Index:
    """Runbooks by their words. What is put in or removed takes effect at once."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self._documents: dict[str, Document] = {}
        self._postings: dict[str, dict[str, float]] = {}
        self._highest: dict[str, float] = {}
        self._spellings = Spellings()
        for document in documents:
            self.put(document)

    def __len__(self) -> int:
        return len(self._documents)

    def __contains__(self, name: object) -> bool:
        return name in self._documents

    def __iter__(self) -> Iterator[Document]:
        return iter(self._documents.values())

    def put(self, document: Document) -> None:
        """Add a runbook, or replace the one of its name."""
        self.remove(document.name)
        self._documents[document.name] = document
        for term, counts in document.places.items():
            if term not in self._postings:
                self._postings[term] = {}
                self._spellings.add(term)
            self._postings[term][document.name] = _impact(document, counts)
            self._highest.pop(term, None)

    def remove(self, name: str) -> None:
        """Take a runbook out; one that is not there is no error."""
        document = self._documents.pop(name, None)
        for term in document.places if document else ():
            del self._postings[term][name]
            self._highest.pop(term, None)
            if not self._postings[term]:
                del self._postings[term]
                self._spellings.remove(term)

    def read(self, query: str) -> tuple[Word, ...]:
        """The words of a query, those that say most first."""
        parts = dict.fromkeys(part for term in terms(query) for part in self._parts(term))
        named = of_names(query)
        words = [self._word(term, _OF_A_NAME if term in named else 1.0) for term in parts]
        return tuple(sorted(words, key=lambda word: (-word.weight, word.term))[:_MOST_WORDS])

    def scores(self, words: Sequence[Word], number: int) -> dict[str, float]:
        """The scores of the best ``number``, of all that records could lift there, and of more."""
        return added(self._looks(words), number, slack=_SLACK)

    def explained(self, name: str, words: Sequence[Word]) -> Match:
        """Why a runbook has its score."""
        document = self._documents[name]
        met = [one for word in words if (one := _met(document, word)) is not None]
        said = sum(word.says for word in words)
        heard = sum(one.heard for one in met)
        return Match(
            document=document,
            score=sum(one.score for one in met),
            share=heard / said if said else 0.0,
            fit=heard / math.sqrt(said) if said else 0.0,
            met=tuple(sorted(met, key=lambda one: (-one.score, one.term))),
        )

    def _looks(self, words: Iterable[Word]) -> Iterator[Look]:
        for word in words:
            better: list[Mapping[str, float]] = []
            for share, looked_for in groupby(word.looked_for, key=lambda each: each[1]):
                same = [term for term, _ in looked_for]
                having = [self._postings[term] for term in same]
                weight = word.weight * share
                highest = max(map(self._most, same))
                yield Look(weight, weight * highest, having, tuple(better))
                better += having

    def _most(self, term: str) -> float:
        """The most that a term counts in any runbook; found once, until one changes that has it."""
        if term not in self._highest:
            self._highest[term] = max(self._postings[term].values())
        return self._highest[term]

    def _word(self, term: str, share: float) -> Word:
        if term in self._postings:
            looked_for = [(term, 1.0)]
        else:
            looked_for = [(each, _MENDED) for each in self._spellings.mended(term)]
        taken = {each for each, _ in looked_for}
        near = (each for each in NEAR.get(term, ()) if each not in taken)
        looked_for += [(each, _NEAR) for each in near if each in self._postings]
        rarity = self._rarity(looked_for[0][0]) if looked_for else None
        share *= _LITTLE if term in SAY_LITTLE else 1.0
        return Word(
            term=term,
            weight=share * (_UNKNOWN if rarity is None else rarity),
            says=share * (_UNKNOWN if rarity is None else math.sqrt(rarity)),
            looked_for=tuple(looked_for),
        )

    def _rarity(self, term: str) -> float:
        """BM25's inverse document frequency, as a share of what a word in no runbook has."""
        number, having = max(len(self._documents), _FEWEST), len(self._postings[term])
        return math.log(1 + (number - having + 0.5) / (having + 0.5)) / math.log(2 * number + 2)

    def _parts(self, term: str) -> tuple[str, ...]:
        """Two known words that were written as one."""
        if term not in self._postings:
            for at in range(_SHORTEST_PART, len(term) - _SHORTEST_PART + 1):
                parts = term[:at], term[at:]
                if all(part in self._postings or part in NEAR for part in parts):
                    return parts
        return (term,)


def _impact(document: Document, counts: Mapping[Field, int]) -> float:
    """How much a word counts in a runbook, 0 to 1."""
    weighed = 0.0
    for place, count in counts.items():
        weighing = WEIGHINGS[place]
        length = len(document.fields[place]) / weighing.usual
        weighed += weighing.weight * count / (1 - _B + _B * length)
    return weighed / (_K1 + weighed)


def _met(document: Document, word: Word) -> Met | None:
    there = [
        (share, _impact(document, document.places[term]), term)
        for term, share in word.looked_for
        if term in document.places
    ]
    if not there:
        return None
    share, impact, term = max(there)
    counts = document.places[term]
    told = max(WEIGHINGS[place].told for place in counts)
    return Met(
        term=word.term,
        through=term,
        fields=tuple(place for place in Field if place in counts),
        score=word.weight * share * impact,
        heard=word.says * share * told,
    )
