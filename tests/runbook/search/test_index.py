"""The index: what counts for how much, and that changes take effect at once."""

import random

import pytest

from shared.runbook.search.adding import best
from shared.runbook.search.index import Index
from tests.runbook.search.documents import document, library


def ranked(index: Index, query: str, number: int = 10) -> list[str]:
    return best(index.scores(index.read(query), number), number)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("only 3% free space on the disk mounted at /var", "disk-full"),
        ("TLS cert of shop.example.com expired", "cert"),
        ("replication of postgres is 300 s behind", "pg-lag"),
        ("mariadb replica lags", "mysql-lag"),
        ("back-off restarting failed container", "crash"),
        ("app was killed, out of memory", "host-oom"),
        ("certifcate exipres", "cert"),
        ("podcrash", "crash"),
    ],
)
def test_the_runbook_for_it_comes_first(query, first):
    assert ranked(Index(library()), query)[0] == first


def test_a_word_counts_more_in_the_title_than_in_a_command():
    index = Index(
        [document("a", "Something", run="systemctl restart postfix"), document("b", "Postfix")]
    )
    assert ranked(index, "postfix") == ["b", "a"]


def test_a_rare_word_counts_more_than_one_that_all_have():
    index = Index([document(f"n{n}", "Restart the worker") for n in range(5)])
    index.put(document("rare", "Restart Keycloak"))
    assert ranked(index, "worker keycloak")[0] == "rare"


def test_equals_are_ordered_by_name_whatever_the_order_they_came_in():
    documents = [document(name, "Postfix queue") for name in "cab"]
    assert ranked(Index(documents), "postfix") == ranked(Index(documents[::-1]), "postfix")
    assert ranked(Index(documents), "postfix") == ["a", "b", "c"]


def test_an_index_that_was_changed_is_the_same_as_a_new_one():
    index = Index(library())
    index.put(document("disk-full", "Empty the printer", text="toner"))
    index.remove("cert")
    index.remove("never-there")
    rest = [each for each in library() if each.name not in {"cert", "disk-full"}]
    new = Index([*rest, document("disk-full", "Empty the printer", text="toner")])
    for query in ("no space left", "certificate", "toner", "replication lag"):
        words = index.read(query)
        assert words == new.read(query)
        assert index.scores(words, 10) == new.scores(words, 10)
    assert "cert" not in index
    assert len(index) == len(library()) - 1


def test_what_a_runbook_fits_does_not_depend_on_its_neighbours():
    query = "certificate expires"
    few, many = Index(library()), Index(library())
    for number in range(60):
        many.put(document(f"other-{number}", f"Water plant {number}"))
    assert fit(few, query) == pytest.approx(fit(many, query), rel=0.05)


def fit(index: Index, query: str) -> float:
    return index.explained("cert", index.read(query)).fit


def test_what_can_lift_no_other_runbook_is_left_out_and_the_best_stay_exact():
    draw = random.Random(7)
    words = [f"{a}{b}ing" for a in "bcdfgklm" for b in ("arn", "old", "umb", "esk")]
    some = [
        document(
            f"r{n}", " ".join(draw.choices(words, k=6)), text=" ".join(draw.choices(words, k=9))
        )
        for n in range(400)
    ]
    index = Index(some)
    for _ in range(50):
        read = index.read(" ".join(draw.choices(words, k=12)))
        everything = index.scores(read, len(some))
        pruned = index.scores(read, 5)
        names = best(everything, 5)
        assert best(pruned, 5) == names
        assert [pruned[name] for name in names] == pytest.approx([everything[n] for n in names])


def test_each_word_says_where_it_was_met_and_the_sum_is_the_score():
    index = Index(library())
    words = index.read("disk has no space left, call the plumber")
    match = index.explained("disk-full", words)
    assert {one.term: one.fields for one in match.met}["disk"] == ("title", "alerts", "name")
    assert sum(one.score for one in match.met) == pytest.approx(
        index.scores(words, 10)["disk-full"]
    )
    assert 0 < match.share < 1


def test_a_text_of_many_pages_is_read_no_further_than_its_best_words():
    index = Index(library())
    words = index.read(" ".join(f"filler{chr(97 + n % 26)}{n}x" for n in range(5000)) + " disk")
    assert len(words) <= 48
    assert "disk" in {word.term for word in words}


@pytest.mark.parametrize("query", ["", "  ", "10.0.0.1 99%", "\x00", "the of and"])
def test_a_text_without_words_finds_nothing(query):
    assert ranked(Index(library()), query) == []
