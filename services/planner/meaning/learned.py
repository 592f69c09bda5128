"""What runbooks and alerts mean, learnt beside the event loop."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from shared.runbook.search import Document, Embedder, Similar, UnusableModelError, Vector
from shared.runbook.search.directions import Directions
from shared.runbook.search.meaning import key_of

log = structlog.get_logger(__name__)

#: Texts that are embedded before they are kept: about a second's work.
_AT_ONCE: Final = 16
#: Alerts of which the direction is remembered, 1.5 KB each: most that come again are these.
_REMEMBERED: Final = 1000


class VectorStore(Protocol):
    """Keeps vectors for all planners; see ``store.MongoVectors``."""

    async def these(self, keys: Iterable[str]) -> Mapping[str, Vector]: ...

    async def keep(self, vectors: Mapping[str, Vector]) -> None: ...


class Learned:
    """The directions of runbooks and of what alerts say.

    ``learn`` embeds runbooks that were put in, and ``hear`` what an alert says: both in threads.
    While a runbook is not embedded yet, ``similar`` has no answer: half of a ranking would hide the
    runbooks that are new. Everything but embedding happens in the event loop.
    """

    def __init__(self, embedder: Embedder, store: VectorStore) -> None:
        self._embedder = embedder
        self._store = store
        self._directions = Directions()
        self._vectors: dict[str, Vector] = {}
        self._missing: dict[str, tuple[str, str]] = {}
        self._heard: dict[str, Vector] = {}
        self._usable = True

    def put(self, document: Document) -> None:
        """Add a runbook, or replace the one of its name; one with a new text is still to learn."""
        key = key_of(self._embedder.model, document.passage)
        if key in self._vectors:
            self._missing.pop(document.name, None)
            self._directions.put(document.name, self._vectors[key])
        else:
            self._missing[document.name] = key, document.passage

    def remove(self, name: str) -> None:
        self._missing.pop(name, None)
        self._directions.remove(name)

    def similar(self, query: str) -> Similar | None:
        """All runbooks beside what was heard; None as long as there is something to learn."""
        direction = self._heard.get(query)
        if self._missing or direction is None:
            return None
        return self._directions.beside(direction)

    async def hear(self, query: str) -> None:
        """Embed what an alert says, unless it would be of no use yet."""
        if self._missing or not self._usable or query in self._heard:
            return
        for direction in await self._embedded([query]):
            self._heard[query] = direction
        while len(self._heard) > _REMEMBERED:
            del self._heard[next(iter(self._heard))]

    async def learn(self) -> None:
        """Embed the runbooks that are still to learn, and keep that for all planners.

        Raises:
            UnavailableError: the store does not answer; the next time the rest is learnt.
        """
        if not self._missing or not self._usable:
            return
        wanted = dict(self._missing.values())
        known = await self._store.these(wanted)
        self._take(known)
        new, embedded = [key for key in wanted if key not in known], 0
        for start in range(0, len(new), _AT_ONCE):
            keys = new[start : start + _AT_ONCE]
            vectors = await self._embedded([wanted[key] for key in keys])
            made = dict(zip(keys, vectors, strict=False))
            self._take(made)
            if made:
                await self._store.keep(made)
            embedded += len(made)
        log.info("runbooks.embedded", new=embedded, known=len(known))

    def _take(self, vectors: Mapping[str, Vector]) -> None:
        """Runbooks may have come, changed or gone since these were asked for."""
        self._vectors.update(vectors)
        for name in [name for name, (key, _) in self._missing.items() if key in vectors]:
            key, _ = self._missing.pop(name)
            self._directions.put(name, vectors[key])

    async def _embedded(self, texts: Sequence[str]) -> list[Vector]:
        """Empty where the model turns out to be of no use: the search goes by words from then."""
        if not self._usable:
            return []
        try:
            return await asyncio.to_thread(lambda: [self._embedder.embed(text) for text in texts])
        except UnusableModelError as error:
            log.error("meaning.unusable", reason=str(error))  # noqa: TRY400 no bug of ours
            self._usable = False
            return []
