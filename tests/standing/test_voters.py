"""Whose yes counts, where it is said for somebody else or was said in advance."""

from datetime import timedelta

import pytest

from shared.events import Answer, Decision
from shared.policy.voters import EVERYBODY, Voters, different, voters
from tests.standing.words import ADA, AT, BOB, CLEO, delegation, window

BY_ADA_ONLY = Voters((ADA,))


def yes(by, *, at=AT, channel="email", **fields):
    return Decision(answer=Answer.APPROVE, by=by, at=at, channel=channel, **fields)


def objection(said, whose=BY_ADA_ONLY):
    return whose.against(said, on_call=EVERYBODY, since=AT)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        pytest.param(yes(BOB, delegation=delegation()), True, id="for who may"),
        pytest.param(yes(BOB), False, id="for himself"),
        pytest.param(yes(CLEO, delegation=delegation()), False, id="by a third person"),
        pytest.param(
            yes(CLEO, delegation=delegation(of=BOB, to=CLEO)), False, id="what was handed to Bob"
        ),
        pytest.param(
            yes(BOB, at=AT + timedelta(hours=8), delegation=delegation()), False, id="too late"
        ),
        pytest.param(
            yes(BOB, at=AT - timedelta(seconds=1), delegation=delegation()), False, id="too early"
        ),
        pytest.param(
            yes(BOB, delegation=delegation(), window=window(by=BOB)), False, id="in advance too"
        ),
        pytest.param(yes(ADA, window=window()), True, id="in advance"),
        pytest.param(yes(BOB, window=window(by=BOB)), False, id="in advance by who may not"),
        pytest.param(yes(BOB, window=window()), False, id="by another's window"),
        pytest.param(
            yes(ADA, at=AT + timedelta(hours=2), window=window()), False, id="after its window"
        ),
        pytest.param(
            yes(ADA, channel="terminal", window=window()), False, id="from another channel"
        ),
    ],
)
def test_a_yes_for_somebody_else_counts_as_theirs_while_it_holds(said, counts):
    assert (objection(said) == "") is counts


@pytest.mark.parametrize("requester", [ADA, BOB])
def test_who_asked_for_the_ticket_says_no_yes_by_way_of_others_either(requester):
    whose = Voters((ADA,), requester)
    assert "asked for this ticket" in objection(yes(BOB, delegation=delegation()), whose)


@pytest.mark.parametrize(
    ("asked", "by", "counts"),
    [
        pytest.param(("ada",), ADA, False, id="by the login of an address"),
        pytest.param(("Ada",), ADA, False, id="by it in other letters"),
        pytest.param(("ad",), ADA, True, id="by another login"),
        pytest.param(("ada@elsewhere.org",), ADA, True, id="by another address"),
        pytest.param((CLEO, ADA), ADA, False, id="by the second of two"),
        pytest.param((CLEO, ADA), CLEO, False, id="by the first of two"),
        pytest.param((CLEO, ADA), BOB, True, id="by others"),
        pytest.param(("", "ada"), ADA, False, id="where a machine opened the ticket"),
    ],
)
def test_the_yes_of_none_of_those_who_asked_counts(asked, by, counts):
    first, *more = asked
    whose = voters((), requester=first, not_requester=True, co_requesters=more)
    assert (objection(yes(by), whose) == "") is counts
    assert whose.is_requester(by) is not counts
    free = voters((), requester=first, not_requester=False, co_requesters=more)
    assert objection(yes(by), free) == ""


def test_from_a_terminal_nobody_agrees_to_what_a_person_wrote():
    whose = voters((), requester="", not_requester=True, co_requesters=(BOB,))
    assert "who sits at a terminal" in objection(yes("ada", channel="terminal"), whose)


@pytest.mark.parametrize(
    ("decisions", "number"),
    [
        pytest.param([yes(BOB, delegation=delegation()), yes(BOB)], 1, id="Bob for Ada, and Bob"),
        pytest.param([yes(BOB), yes(BOB, delegation=delegation())], 1, id="Bob, and for Ada"),
        pytest.param([yes(BOB, delegation=delegation()), yes(ADA)], 1, id="Bob for Ada, and Ada"),
        pytest.param([yes(BOB, delegation=delegation()), yes(CLEO)], 2, id="Bob for Ada, and Cleo"),
        pytest.param(
            [yes(BOB, delegation=delegation()), yes(CLEO, delegation=delegation(to=CLEO))],
            1,
            id="two for Ada",
        ),
        pytest.param([yes(ADA, window=window()), yes(ADA)], 1, id="in advance, and now"),
    ],
)
def test_who_answers_for_another_is_one_person_with_that_other(decisions, number):
    assert len(different(decisions)) == number
