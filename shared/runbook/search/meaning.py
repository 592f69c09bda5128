"""Search by meaning: which passages point the same way as the query, for a given model."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from shared.runbook.search.document import Document

#: A text's direction, of length 1.
Vector = Sequence[float]


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def model(self) -> str:
        """Which model; vectors of different models are never compared."""

    def embed(self, text: str) -> Vector: ...


class Vectors(Protocol):
    """Keeps vectors, so that a text is embedded once."""

    def get(self, key: str) -> Vector | None: ...

    def keep(self, key: str, vector: Vector) -> None: ...


class InMemory:
    """Vectors that are kept as long as the process lives."""

    def __init__(self) -> None:
        self._vectors: dict[str, Vector] = {}

    def get(self, key: str) -> Vector | None:
        return self._vectors.get(key)

    def keep(self, key: str, vector: Vector) -> None:
        self._vectors[key] = vector


class Similar:
    """How much each runbook points the same way as a query: cosines, -1 to 1."""

    def __init__(self, rows: Mapping[str, int], cosines: Any) -> None:
        self._rows = rows
        self._cosines = cosines

    def of(self, name: str) -> float:
        return float(self._cosines[self._rows[name]])

    def best(self, number: int) -> list[str]:
        """The names with the highest; of equals, by name."""
        names = list(self._rows)
        return [names[row] for row in (-self._cosines).argsort(kind="stable")[:number].tolist()]


class Meaning:
    """The directions of the runbooks that were put in. Needs numpy."""

    def __init__(self, embedder: Embedder, vectors: Vectors | None = None) -> None:
        self._numpy: Any = import_module("numpy")
        self._embedder = embedder
        self._kept: Vectors = vectors or InMemory()
        self._by_name: dict[str, Vector] = {}
        self._rows: tuple[Mapping[str, int], Any] | None = None

    def put(self, document: Document) -> None:
        """Add a runbook; embeds it, unless it was embedded before."""
        key = self._key(document.passage)
        vector = self._kept.get(key)
        if vector is None:
            vector = self._embedder.embed(document.passage)
            self._kept.keep(key, vector)
        self._by_name[document.name] = vector
        self._rows = None

    def remove(self, name: str) -> None:
        self._by_name.pop(name, None)
        self._rows = None

    def unknown(self, documents: Iterable[Document]) -> int:
        """How many of these would have to be embedded."""
        return sum(self._kept.get(self._key(each.passage)) is None for each in documents)

    def similar(self, query: str) -> Similar:
        """All runbooks beside a query."""
        if not self._by_name:
            return Similar({}, self._numpy.zeros(0))
        rows, matrix = self._rows = self._rows or self._stacked()
        direction = self._numpy.asarray(self._embedder.embed(query), dtype="float32")
        return Similar(rows, matrix @ direction)

    def _stacked(self) -> tuple[Mapping[str, int], Any]:
        names = sorted(self._by_name)
        vectors = [self._numpy.asarray(self._by_name[name], dtype="float32") for name in names]
        return {name: row for row, name in enumerate(names)}, self._numpy.stack(vectors)

    def _key(self, passage: str) -> str:
        return hashlib.sha256(f"{self._embedder.model}\0{passage}".encode()).hexdigest()
