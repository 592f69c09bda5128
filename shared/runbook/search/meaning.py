"""Search by meaning: which passages point the same way as the query, for a given model."""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from shared.errors import HandrailError
from shared.runbook.search.directions import Directions, Similar, Vector
from shared.runbook.search.document import Document


class UnusableModelError(HandrailError):
    """A model is installed and cannot be used."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def model(self) -> str:
        """Which model; vectors of different models are never compared."""

    def embed(self, text: str) -> Vector:
        """The direction of a text; may be called in several threads at once.

        Raises:
            UnusableModelError: the model cannot be loaded.
        """
        ...


class Sense(Protocol):
    """What the search asks for meanings."""

    def put(self, document: Document) -> None: ...

    def remove(self, name: str) -> None: ...

    def similar(self, query: str) -> Similar | None:
        """All runbooks beside a query; None where the words alone have to do."""
        ...


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
    """Embeds each runbook when it is put in, and each query when it is asked. Needs numpy."""

    def __init__(self, embedder: Embedder, vectors: Vectors | None = None) -> None:
        self._embedder = embedder
        self._kept: Vectors = vectors or InMemory()
        self._directions = Directions()

    def put(self, document: Document) -> None:
        """Add a runbook; embeds it, unless it was embedded before."""
        key = key_of(self._embedder.model, document.passage)
        vector = self._kept.get(key)
        if vector is None:
            vector = self._embedder.embed(document.passage)
            self._kept.keep(key, vector)
        self._directions.put(document.name, vector)

    def remove(self, name: str) -> None:
        self._directions.remove(name)

    def unknown(self, documents: Iterable[Document]) -> int:
        """How many of these would have to be embedded."""
        model = self._embedder.model
        return sum(self._kept.get(key_of(model, each.passage)) is None for each in documents)

    def similar(self, query: str) -> Similar:
        """All runbooks beside a query."""
        return self._directions.beside(self._embedder.embed(query))


def key_of(model: str, passage: str) -> str:
    """What the vector of a passage is kept under: another text or model has another key."""
    return hashlib.sha256(f"{model}\0{passage}".encode()).hexdigest()
