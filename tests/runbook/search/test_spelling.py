"""Terms are forgotten as they were learnt."""

import pytest

from shared.runbook.search.spelling import Spellings


@pytest.mark.parametrize("term", ["restart", "allow", "aaaaaa", "cpu"])
def test_a_term_that_was_added_can_be_removed(term):
    spellings = Spellings()
    spellings.add(term)
    spellings.add("allowance")
    spellings.remove(term)
    assert term not in spellings.mended(term)
    spellings.remove("allowance")
    assert spellings._terms == {}
