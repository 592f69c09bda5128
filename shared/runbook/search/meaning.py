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


class Meaning:
    """The directions of the runbooks that were put in. Needs numpy."""

    def __init__(self, embedder: Embedder, vectors: Vectors | None = None) -> None:
        self._numpy: Any = import_module("numpy")
        self._embedder = embedder
        self._kept: Vectors = vectors or InMemory()
        self._by_name: dict[str, Vector] = {}
        self._rows: tuple[Sequence[str], Any] | None = None

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

    def cosines(self, query: str) -> Mapping[str, float]:
        """How much each runbook points the same way as the query, -1 to 1."""
        if not self._by_name:
            return {}
        names, matrix = self._rows = self._rows or self._stacked()
        found = matrix @ self._numpy.asarray(self._embedder.embed(query), dtype="float32")
        return dict(zip(names, found.tolist(), strict=True))

    def _stacked(self) -> tuple[Sequence[str], Any]:
        rows = [self._numpy.asarray(vector, dtype="float32") for vector in self._by_name.values()]
        return tuple(self._by_name), self._numpy.stack(rows)

    def _key(self, passage: str) -> str:
        return hashlib.sha256(f"{self._embedder.model}\0{passage}".encode()).hexdigest()
