"""What people's answers come to, as tables, and what holds of every row of answers."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import Answer, Decision, OnNo, Seat
from shared.lifecycle import ApprovalState
from shared.policy.quorum import Quorum, can_be_filled
from shared.policy.voters import voters

NOW = datetime(2030, 5, 3, 3, 0, tzinfo=UTC)
PEOPLE = {letter: f"{letter}@example.org" for letter in "abcde"}
DBA = Seat(name="dba", people=("a@example.org", "b@example.org"))
SECURITY = Seat(name="security", people=("b@example.org", "c@example.org"))
KINDS = {"+": Answer.APPROVE, "-": Answer.REJECT, "~": Answer.WITHDRAW}
few = settings(max_examples=200, deadline=None)


def said(text: str) -> list[Decision]:
    """Answers in short: ``a+ b- a~`` is a yes of a, a no of b, and a takes back what a said."""
    return [
        Decision(
            answer=KINDS[word[-1]],
            by=PEOPLE.get(word[:-1], word[:-1]),
            at=NOW,
            channel="email" if word[:-1] in PEOPLE else "terminal",
        )
        for word in text.split()
    ]


def quorum(required=2, *seats, who="", on_no=OnNo.REJECT, requester="") -> Quorum:
    named = tuple(PEOPLE.get(one, one) for one in who.split())
    whose = voters(named, requester=PEOPLE.get(requester, ""), not_requester=True)
    return Quorum(whose, required, seats, on_no)


def comes_to(of: Quorum, text: str) -> str:
    return of.standing(said(text), since=NOW - timedelta(minutes=5)).state.value


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ("", "pending"),
        ("a+", "pending"),
        ("a+ b+", "approved"),
        ("a+ b-", "rejected"),
        ("a+ a+", "pending"),
        ("a+ a~", "pending"),
        ("a+ a~ b+", "pending"),
        ("a+ a~ b+ a+", "approved"),
        ("a+ a~ b+ c+", "approved"),
        # Nobody can tell who sits at a terminal.
        ("ann+ bob+", "pending"),
        ("ann+ bob~ a+", "pending"),
        ("ann+ a+", "approved"),
    ],
)
def test_the_first_no_ends_it_and_enough_different_people_agree(answers, state):
    assert comes_to(quorum(2), answers) == state


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ("a+ c+", "approved"),
        ("b+ a+", "approved"),
        # One person fills one seat only, whichever is better.
        ("b+", "pending"),
        ("b+ c+", "approved"),
        ("a+ d+", "pending"),
        ("a+ d+ e+", "pending"),
        ("a+ d+ b+", "approved"),
        ("c+ b+ a~", "approved"),
    ],
)
def test_each_team_needs_a_yes_of_its_own(answers, state):
    assert comes_to(quorum(0, DBA, SECURITY), answers) == state


@pytest.mark.parametrize(
    ("of", "answers", "wanted"),
    [
        (quorum(1), "", "1 more yes"),
        (quorum(2), "a+", "1 more yes"),
        (quorum(2), "a+ b+", ""),
        (quorum(0, DBA, SECURITY), "", "2 more yes, of dba and security"),
        (quorum(0, DBA, SECURITY), "a+", "1 more yes, of security"),
        # Whichever comes, the other seat is for b.
        (quorum(0, DBA, SECURITY), "b+", "1 more yes, of dba or security"),
        (quorum(3, DBA, SECURITY), "a+", "2 more yes, among them of security"),
        (quorum(3, DBA, SECURITY), "a+ c+", "1 more yes"),
        (quorum(2, on_no=OnNo.MAJORITY), "a+ b-", "1 more yes"),
    ],
)
def test_whose_yes_is_missing_is_told(of, answers, wanted):
    assert of.standing(said(answers), since=NOW).wanted == wanted


@pytest.mark.parametrize(
    ("required", "who", "answers", "state"),
    [
        (1, "", "a+", "approved"),
        (1, "", "a-", "rejected"),
        (2, "", "a-", "pending"),
        (2, "", "a- b-", "rejected"),
        (2, "", "a- b+ c+", "approved"),
        (2, "", "a- b+ c-", "rejected"),
        (2, "", "a- a~ b- c+ d+", "approved"),
        # Two who said yes, and nobody is left to be the second.
        (2, "a b", "a-", "rejected"),
        (2, "a b c", "a-", "pending"),
        (2, "a b c", "a- b- ", "rejected"),
        # Who is on call cannot be counted.
        (2, "a on-call", "a-", "pending"),
        # The no of those whose yes would not count is none.
        (2, "a b c", "d- e-", "pending"),
        (3, "a b c d", "a- b-", "rejected"),
    ],
)
def test_with_a_majority_a_no_is_a_vote(required, who, answers, state):
    assert comes_to(quorum(required, who=who, on_no=OnNo.MAJORITY), answers) == state


def test_with_a_majority_it_is_lost_when_a_team_has_nobody_left_who_could_agree():
    of = quorum(2, DBA, SECURITY, who="a b c d", on_no=OnNo.MAJORITY)
    assert comes_to(of, "c-") == "pending"
    assert comes_to(quorum(3, DBA, SECURITY, who="a b c d", on_no=OnNo.MAJORITY), "b- d+") == (
        "pending"
    )
    alone = Seat(name="alone", people=("c@example.org",))
    assert comes_to(quorum(2, DBA, alone, who="a b c", on_no=OnNo.MAJORITY), "c-") == "rejected"


@pytest.mark.parametrize(("on_no", "state"), [("reject", "rejected"), ("majority", "pending")])
def test_the_no_of_whoever_asked_for_the_ticket_is_no_vote(on_no, state):
    of = quorum(2, requester="a", on_no=OnNo(on_no))
    assert comes_to(of, "a-") == state
    assert comes_to(of, "a+ b+") == "pending"


class Schedule:
    def between(self, term, since, until):
        return frozenset({"c@example.org"}) if term == "on-call:db" else None


def test_whoever_is_on_call_fills_the_seat_of_their_schedule():
    seat = Seat(name="on-call:db", people=("on-call:db",))
    of = quorum(2, DBA, seat)
    found = [
        of.standing(said(text), since=NOW, on_call=Schedule()).state.value
        for text in ("a+ b+", "a+ c+", "c+ d+")
    ]
    assert found == ["pending", "approved", "pending"]


@pytest.mark.parametrize(
    ("seats", "required", "others", "possible"),
    [
        ((DBA, SECURITY), 2, (), True),
        ((DBA, SECURITY), 4, (), False),
        ((DBA, SECURITY), 4, ("d@example.org",), True),
        ((DBA, DBA, DBA), 3, ("d@example.org",), False),
        ((DBA, Seat(name="on-call", people=("on-call",))), 9, (), True),
    ],
)
def test_a_rule_that_nobody_can_meet_is_known(seats, required, others, possible):
    assert can_be_filled(seats, required, others) is possible


members = st.lists(st.sampled_from(sorted(PEOPLE.values())), min_size=1, max_size=3, unique=True)
seats_ = st.lists(
    st.builds(lambda at, people: Seat(name=str(at), people=tuple(people)), st.integers(), members),
    max_size=4,
)


@few
@given(seats_, st.sets(st.sampled_from(sorted(PEOPLE)), max_size=5))
def test_seats_are_filled_wherever_there_is_a_way_to_fill_them(seats, who):
    """Compared with trying all ways."""
    people = [PEOPLE[letter] for letter in sorted(who)]
    somehow = any(
        all(one in seat.people for one, seat in zip(row, seats, strict=True))
        for row in permutations(people, len(seats))
    )
    of = quorum(1, *seats)
    state = of.standing(said(" ".join(f"{one}+" for one in sorted(who))), since=NOW).state
    assert (state is ApprovalState.APPROVED) == (somehow and bool(who))


votes = st.lists(
    st.tuples(st.sampled_from(sorted(PEOPLE)), st.sampled_from("+-~")).map("".join), max_size=8
)


@few
@given(
    st.integers(1, 4),
    st.lists(st.sampled_from([DBA, SECURITY]), max_size=2, unique=True),
    st.sampled_from(OnNo),
    votes,
    st.data(),
)
def test_in_which_order_people_answer_changes_nothing(required, seats, on_no, answers, data):
    once = {answer[0]: answer for answer in answers if answer[-1] != "~"}
    of = quorum(required, *seats, on_no=on_no)
    mixed = data.draw(st.permutations(sorted(once.values())))
    assert comes_to(of, " ".join(mixed)) == comes_to(of, " ".join(sorted(once.values())))


@few
@given(
    st.integers(1, 4),
    st.lists(st.sampled_from([DBA, SECURITY]), max_size=2, unique=True),
    st.sampled_from(OnNo),
    votes,
)
def test_nothing_is_approved_without_enough_and_more_yeses_than_noes(
    required, seats, on_no, answers
):
    found = quorum(required, *seats, on_no=on_no).standing(said(" ".join(answers)), since=NOW)
    if found.state is ApprovalState.APPROVED:
        assert len({each.by for each in found.yes}) >= max(required, len(seats))
        assert len(found.yes) > len(found.no)
        assert on_no is OnNo.MAJORITY or not found.no
    else:
        assert found.wanted or found.state is ApprovalState.REJECTED
