"""Misspelt words: one slip is mended, more is not guessed."""

import pytest

from shared.runbook.search.spelling import Spellings


@pytest.mark.parametrize(
    ("slip", "mended"),
    [
        ("gatewayy", ("gateway",)),
        ("gatway", ("gateway",)),
        ("gatevay", ("gateway",)),
        ("agteway", ()),
        ("gaetway", ("gateway",)),
        ("gateway", ("gateway",)),
        ("kateway", ()),
        ("getaways", ()),
        ("quee", ()),
    ],
)
def test_one_slip_is_mended(slip, mended):
    spellings = Spellings()
    for term in ("gateway", "queue", "disk"):
        spellings.add(term)
    assert spellings.mended(slip) == mended


def test_what_was_removed_mends_nothing():
    spellings = Spellings()
    spellings.add("gateway")
    spellings.add("gateways")
    spellings.remove("gateway")
    assert spellings.mended("gatway") == ("gateways",)


@pytest.mark.parametrize("term", ["restart", "allow", "aaaaaa", "cpu"])
def test_a_term_that_was_added_can_be_removed_also_with_a_double_letter(term):
    spellings = Spellings()
    spellings.add(term)
    spellings.add("allowance")
    spellings.remove(term)
    assert term not in spellings.mended(term)
    spellings.remove("allowance")
    assert spellings._terms == {}
