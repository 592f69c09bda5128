"""Adding up: the best are exact, and who cannot be among them is no work."""

import random

import pytest

from shared.runbook.search.adding import Look, added, best


def look(weight: float, *having, better=()) -> Look:
    return Look(weight, weight * max(max(each.values()) for each in having), having, better)


def test_a_later_word_may_still_bring_in_a_new_one():
    scores = added([look(1, {"a": 1, "z": 0.3}), look(0.5, {"b": 1})], 2)
    assert best(scores, 2) == ["a", "b"]


def test_who_cannot_win_any_more_is_not_looked_at():
    scores = added([look(1, {"a": 1, "b": 0.9}), look(0.2, {"b": 1, "late": 1})], 1)
    assert scores == {"a": 1, "b": pytest.approx(1.1)}


def test_with_slack_those_that_come_near_are_exact_too():
    looks = [look(1, {"a": 1, "b": 0.7}), look(0.1, {"b": 1})]
    assert added(looks, 1) == {"a": 1}
    assert added(looks, 1, slack=0.75) == {"a": 1, "b": pytest.approx(0.8)}


def test_of_several_terms_for_a_word_the_best_counts_once():
    assert added([look(2, {"a": 0.2, "b": 0.4}, {"a": 0.5})], 5) == {"a": 1, "b": 0.8}


def test_a_near_term_does_not_count_beside_the_word_itself():
    own = {"a": 0.1}
    assert added([look(1, own), look(0.5, {"a": 1, "b": 1}, better=(own,))], 5) == {
        "a": 0.1,
        "b": 0.5,
    }


def test_it_agrees_with_adding_up_everything():
    draw = random.Random(5)
    names = [f"r{n:03}" for n in range(300)]
    for _ in range(200):
        looks = [
            look(
                draw.random(),
                {name: draw.random() for name in draw.sample(names, draw.randint(1, 200))},
            )
            for _ in range(draw.randint(1, 9))
        ]
        exact: dict[str, float] = {}
        for each in looks:
            for name, impact in each.having[0].items():
                exact[name] = exact.get(name, 0.0) + each.weight * impact
        found = added(looks, 5)
        assert best(found, 5) == best(exact, 5)
        assert [found[n] for n in best(found, 5)] == pytest.approx(
            [exact[n] for n in best(exact, 5)]
        )


def test_nothing_is_nothing():
    assert added([], 5) == {}
