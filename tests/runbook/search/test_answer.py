"""What may be done with an answer: start one, ask about several, or say that nothing fits."""

import pytest

from shared.runbook.search import RunbookSearch, Verdict
from tests.runbook.search.documents import document, library


@pytest.mark.parametrize(
    ("query", "verdict", "choices"),
    [
        ("no space left on device, disk full", Verdict.CLEAR, ("disk-full",)),
        ("TLS certificate expires in 6 days", Verdict.CLEAR, ("cert",)),
        ("replication lag", Verdict.CLOSE, ("mysql-lag", "pg-lag")),
        ("badge reader at the entrance is offline", Verdict.NONE, ()),
        ("the coffee machine needs a new filter and a person with time", Verdict.NONE, ()),
        ("certificate of singers: choir, castle, velvet, opera, violin", Verdict.NONE, ()),
        ("", Verdict.NONE, ()),
    ],
)
def test_the_verdict_follows_from_how_much_of_it_is_met(query, verdict, choices):
    answer = RunbookSearch(library()).search(query)
    assert (answer.verdict, answer.choices) == (verdict, choices)


def test_one_that_fits_a_little_is_asked_about():
    answer = RunbookSearch(library()).search("certificate of a choir in a castle")
    assert (answer.verdict, answer.choices) == (Verdict.CLOSE, ("cert",))
    assert "speaks of little" in answer.because


def test_what_comes_nearest_is_told_also_when_nothing_fits():
    answer = RunbookSearch(library()).search(
        "certificate of singers: choir, castle, velvet, opera, violin"
    )
    assert answer.hits[0].name == "cert"
    assert "cert comes nearest" in answer.because


def test_no_more_is_told_than_was_asked_for_and_the_verdict_is_the_same():
    search = RunbookSearch(library())
    one, many = (search.search("replication lag", limit=limit) for limit in (1, 50))
    assert len(one.hits) == 1
    assert (one.verdict, one.choices) == (many.verdict, many.choices)


def test_a_hit_says_why():
    (hit, *_) = RunbookSearch(library()).search("pg is lagging").hits
    assert hit.name == "pg-lag"
    assert any(why.startswith("postgres in title and name: ") for why in hit.why)
    assert hit.why[-1].startswith("speaks of ")


def test_a_runbook_that_is_put_in_is_found_and_one_that_is_removed_is_not():
    search = RunbookSearch(library())
    search.put(document("toner", "Refill the printer's toner"))
    assert search.search("printer toner").choices == ("toner",)
    search.remove("toner")
    assert search.search("printer toner").verdict is Verdict.NONE
    assert len(search) == len(library())


def test_no_runbooks_are_no_error():
    assert RunbookSearch().search("disk full").verdict is Verdict.NONE
