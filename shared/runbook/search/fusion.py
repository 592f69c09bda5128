"""Joins two rankings by reciprocal rank: Cormack, Clarke and Büttcher (SIGIR 2009)."""

from collections.abc import Iterable, Sequence
from typing import Final

#: As in the paper: how little the first few ranks differ.
_K: Final = 60


def fused(rankings: Iterable[tuple[Sequence[str], float]]) -> dict[str, float]:
    """Each name's score over rankings with their weights; a name may be missing in some."""
    scores: dict[str, float] = {}
    for names, weight in rankings:
        for rank, name in enumerate(names, 1):
            scores[name] = scores.get(name, 0.0) + weight / (_K + rank)
    return scores
