"""Vectors in one matrix: whoever comes and goes, each name has its own."""

import random

import pytest

numpy = pytest.importorskip("numpy", reason="handrail[embeddings] is not installed")

from shared.runbook.search.directions import Directions  # noqa: E402 needs numpy


def test_the_best_are_those_of_a_whole_sort_whatever_came_and_went():
    draw, directions, kept = random.Random(3), Directions(), {}
    for _ in range(2000):
        name = f"r{draw.randrange(200):03}"
        if draw.random() < 0.3:
            directions.remove(name)
            kept.pop(name, None)
        else:
            # Few different ones, so that there are equals.
            kept[name] = [float(draw.randrange(3)) for _ in range(4)]
            directions.put(name, kept[name])
    wanted = [1.0, 0.5, 0.25, 0.125]
    cosines = {name: float(numpy.dot(vector, wanted)) for name, vector in kept.items()}
    ordered = sorted(cosines, key=lambda name: (-cosines[name], name))
    similar = directions.beside(wanted)
    assert {name: similar.of(name) for name in kept} == cosines
    for number in (1, 7, 50, len(kept), 1000):
        assert similar.best(number) == ordered[:number]


def test_without_vectors_there_are_none():
    assert Directions().beside([1.0]).best(5) == []
