"""How often the search finds the right runbook, beside a plain BM25, and how long it takes."""

import math
import random
import re
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from shared.runbook.search import (
    Embedder,
    Meaning,
    RunbookSearch,
    Vector,
    Verdict,
    installed,
    of_mapping,
)
from tests.bench import corpus
from tests.bench.corpus import Query
from tests.bench.measure import Measure, percentile

MANY = 10_000
ROUNDS = 3
_DEPTH = 10
#: All names that ``quality`` may tell of; those by meaning where a model is installed.
QUALITY = tuple(
    f"search_{measure}{by}{half}"
    for half in ("", "_tuned")
    for by in ("", "_meaning")
    for measure in ("top1", "top5", "mrr", "none_recall", "none_precision", "clear_right")
)
#: A ranking: names, the best first.
Rank = Callable[[str], Sequence[str]]


async def quality() -> list[Measure]:
    """On the half of the queries that nothing was tuned on; then on the other, as ``_tuned``."""
    library = corpus.runbooks()
    documents = [of_mapping(file, file["metadata"]["name"]) for file in library]
    floor = Plain(library).rank
    engines = {"": RunbookSearch(documents)}
    if (model := installed()) is not None:
        engines["_meaning"] = RunbookSearch(documents, meaning=Meaning(model))
    measures: list[Measure] = []
    for half, wanted in (("", True), ("_tuned", False)):
        queries = [query for query in corpus.queries() if query.held_out is wanted]
        for name, engine in engines.items():
            measures += _ranked(f"{name}{half}", _rank(engine), floor, queries)
            measures += _judged(f"{name}{half}", engine, queries)
    return measures


async def speed() -> list[Measure]:
    """One query at a time over many runbooks that share most of their words.

    By meaning, each query is embedded each time.
    """
    documents = list(_generated(MANY))
    measures = [_taken("runbook_search_ms_p95", RunbookSearch(documents))]
    if (model := installed()) is not None:
        engine = RunbookSearch(documents, meaning=Meaning(model, Turned(model)))
        measures.append(_taken("runbook_search_meaning_ms_p95", engine))
    return measures


def _taken(name: str, engine: RunbookSearch) -> Measure:
    engine.search("the model is loaded")
    taken = []
    for _ in range(ROUNDS):
        for query in corpus.queries():
            began = time.perf_counter()
            engine.search(query.text)
            taken.append((time.perf_counter() - began) * 1000)
    return Measure(name, percentile(taken, 0.95), "ms", "<= 50")


class Turned:
    """Vectors for any text, each that of a runbook of the corpus, turned a little.

    It would take minutes to embed so many texts, and a search takes as long with these.
    """

    def __init__(self, model: Embedder) -> None:
        self._draw = random.Random(11)
        self._known = [model.embed(of_mapping(file, "").passage) for file in corpus.runbooks()]

    def get(self, key: str) -> Vector:
        turned = [each + self._draw.gauss(0, 0.03) for each in self._draw.choice(self._known)]
        length = math.hypot(*turned)
        return array("f", (each / length for each in turned))

    def keep(self, key: str, vector: Vector) -> None:
        raise AssertionError("every text has a vector")


class Plain:
    """BM25 as in textbooks: words as they stand, all of a runbook as one text."""

    def __init__(self, library: Iterable[dict], k1: float = 1.5, b: float = 0.75) -> None:
        self._counts = {file["metadata"]["name"]: Counter(_plain(str(file))) for file in library}
        self._lengths = {name: sum(counts.values()) for name, counts in self._counts.items()}
        self._usual = sum(self._lengths.values()) / len(self._lengths)
        self._having = Counter(word for counts in self._counts.values() for word in counts)
        self._k1, self._b = k1, b

    def rank(self, query: str) -> list[str]:
        words = _plain(query)
        scores = {name: sum(self._score(name, word) for word in words) for name in self._counts}
        return sorted(scores, key=lambda name: (-scores[name], name))

    def _score(self, name: str, word: str) -> float:
        count, having = self._counts[name][word], self._having[word]
        rarity = math.log(1 + (len(self._counts) - having + 0.5) / (having + 0.5))
        length = 1 - self._b + self._b * self._lengths[name] / self._usual
        return rarity * count * (self._k1 + 1) / (count + self._k1 * length)


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _rank(engine: RunbookSearch) -> Rank:
    return lambda query: [hit.name for hit in engine.search(query, limit=_DEPTH).hits]


def _ranked(suffix: str, rank: Rank, floor: Rank, queries: Sequence[Query]) -> list[Measure]:
    fitting = [query for query in queries if query.right is not None]
    ours, theirs = (
        [_place(each(query.text), query.right) for query in fitting] for each in (rank, floor)
    )
    top1, top5 = (lambda place: place == 1), (lambda place: place <= 5)
    return [
        _share(f"search_top1{suffix}", map(top1, ours), map(top1, theirs)),
        _share(f"search_top5{suffix}", map(top5, ours), map(top5, theirs)),
        _share(f"search_mrr{suffix}", (1 / n for n in ours), (1 / n for n in theirs)),
    ]


def _judged(suffix: str, engine: RunbookSearch, queries: Sequence[Query]) -> list[Measure]:
    answers = [(query, engine.search(query.text)) for query in queries]
    nothing = [query for query, answer in answers if answer.verdict is Verdict.NONE]
    clear = [
        query.right == answer.hits[0].name
        for query, answer in answers
        if answer.verdict is Verdict.CLEAR
    ]
    unfit = [answer.verdict is Verdict.NONE for query, answer in answers if query.right is None]
    return [
        _share(f"search_none_recall{suffix}", unfit),
        _share(f"search_none_precision{suffix}", (query.right is None for query in nothing)),
        _share(f"search_clear_right{suffix}", clear),
    ]


def _share(name: str, values: Iterable[float], floor: Iterable[float] | None = None) -> Measure:
    found = 100 * _mean(values)
    least = None if floor is None else 100 * _mean(floor)
    return Measure(name, found, "%", "", least, None if least is None else least / found)


def _mean(values: Iterable[float]) -> float:
    all_of = list(values)
    return sum(all_of) / len(all_of) if all_of else 0.0


def _place(names: Sequence[str], right: str | None) -> float:
    return names.index(right) + 1 if right in names else math.inf


def _generated(number: int) -> Iterable:
    """Runbooks like those of the corpus, with text of others mixed in; always the same."""
    draw = random.Random(11)
    library = corpus.runbooks()
    for at in range(number):
        file = library[at % len(library)]
        others = draw.sample(library, 3)
        metadata = {**file["metadata"], "name": f"{file['metadata']['name']}-{at}"}
        text = "\n\n".join(f"{o['description']} {o['match']['text']}" for o in (file, *others))
        steps = [step for other in others for step in other["steps"]]
        yield of_mapping({**file, "metadata": metadata, "description": text, "steps": steps}, "")
