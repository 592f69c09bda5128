"""Search by meaning in commands, where ``handrail[embeddings]`` is installed."""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from deploy.home import Home
from shared.runbook.search import Embedder, Meaning, Vector, VectorFile, installed

#: Old alerts say the same again and again.
_REMEMBERED: Final = 4096


class Remembering:
    """A model that embeds a text once as long as there are not too many others."""

    def __init__(self, model: Embedder) -> None:
        self.model = model.model
        self._embed = lru_cache(_REMEMBERED)(model.embed)

    def embed(self, text: str) -> Vector:
        return self._embed(text)


def meaning_here(environment: Mapping[str, str] = os.environ) -> Meaning | None:
    """The meanings that the planner has too, or None without a model; loads none yet.

    Runbooks that are put in are embedded once for this installation; the vectors are kept in its
    folder.
    """
    model = installed()
    if model is None:
        return None
    vectors = VectorFile(Home.of(environment).path / "search" / "vectors.sqlite3")
    return Meaning(Remembering(model), vectors)
