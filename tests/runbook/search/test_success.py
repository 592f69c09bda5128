"""What a record does to a score: a little, and the more the more runs it rests on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runbook.search import Record, RunbookSearch
from shared.runbook.search.success import boost
from tests.runbook.search.documents import document


def test_no_runs_change_nothing():
    assert boost(Record()) == 1


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Record(1, 1), Record()),
        (Record(100, 100), Record(1, 1)),
        (Record(100, 99, 1), Record(100, 50, 50)),
        (Record(), Record(1, 0, 1)),
        (Record(2, 0, 2), Record(50, 0, 50)),
    ],
)
def test_the_better_record_lifts_more(better, worse):
    assert boost(better) > boost(worse)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_it_is_bounded(verified, failed, other):
    assert 0.9 < boost(Record(verified + failed + other, verified, failed)) < 1.1


@pytest.mark.parametrize("counts", [(1, 1, 1), (0, 1, 0), (3, -1, 0)])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        Record(*counts)


def test_of_equals_the_proven_one_comes_first_and_says_why():
    search = RunbookSearch([document("a", "Mail queue grows"), document("b", "Mail queue grows")])
    answer = search.search("mail queue", records={"b": Record(12, 11, 1)})
    assert [hit.name for hit in answer.hits] == ["b", "a"]
    assert answer.hits[0].why[-1].startswith("11 of 12 runs verified, 1 failed: times 1.0")


def test_no_record_carries_a_runbook_past_one_that_fits_better():
    search = RunbookSearch([document("a", "Mail queue grows"), document("b", "Mail")])
    proven = {"b": Record(10**6, 10**6), "a": Record(10**6, 0, 10**6)}
    assert search.search("mail queue grows", records=proven).hits[0].name == "a"


def test_a_record_does_not_make_something_fit():
    search = RunbookSearch([document("a", "Mail queue grows")])
    proven = {"a": Record(10**6, 10**6), "gone": Record(5, 5)}
    assert search.search("printer queue toner red paper tray", records=proven).verdict == "none"
