"""What a decision comes to, as tables."""

from datetime import timedelta

import pytest

from services.notifier.approval import decide
from services.notifier.question import (
    AlreadyAnswered,
    AlreadyDecided,
    Expired,
    NotAsked,
    Recorded,
    expired,
)
from shared.events import Answer, OnNo, Refusal, Seat, StepApproved, StepRejected
from shared.lifecycle import APPROVAL_FROM, ApprovalState
from tests.notifier.builders import ALICE, APPROVAL_ID, BOB, NOW, approval, decision

YES, NO = Answer.APPROVE, Answer.REJECT
PENDING, APPROVED, REJECTED = (
    ApprovalState.PENDING,
    ApprovalState.APPROVED,
    ApprovalState.REJECTED,
)


@pytest.mark.parametrize(
    ("required", "answers", "state"),
    [
        (1, [YES], APPROVED),
        (1, [NO], REJECTED),
        (2, [YES], PENDING),
        (2, [YES, YES], APPROVED),
        (2, [YES, NO], REJECTED),
        (2, [NO], REJECTED),
        # A request that says it needs nobody still was a request.
        (0, [YES], APPROVED),
    ],
)
def test_one_no_rejects_and_enough_people_approve(required, answers, state):
    current = approval(required=required)
    for person, answer in zip((ALICE, BOB), answers, strict=False):
        outcome = decide(current, decision(person.email, answer), now=NOW)
        assert isinstance(outcome, Recorded)
        current = outcome.question
    assert current.state is state
    assert [d.answer for d in current.decisions] == answers
    assert current.settled_at == (None if state is PENDING else NOW)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("alice@example.org", "email"), ("alice@example.org", "email")),
        (("alice@example.org", "email"), ("Alice@Example.org", "email")),
        # Nobody can tell who sits at a terminal.
        (("alice", "terminal"), ("bob", "terminal")),
    ],
)
def test_the_same_person_never_counts_twice(first, second):
    once = decision(first[0], channel=first[1])
    after = decide(approval(required=2), once, now=NOW).question
    again = decide(after, decision(second[0], channel=second[1]), now=NOW)
    assert again == AlreadyAnswered(once)


def test_the_terminal_and_a_mailbox_are_two_people():
    after = decide(approval(required=2), decision("alice", channel="terminal"), now=NOW).question
    assert decide(after, decision(BOB.email), now=NOW).question.state is APPROVED


@pytest.mark.parametrize("state", [APPROVED, REJECTED, ApprovalState.SUPERSEDED])
def test_what_is_settled_stays_settled(state):
    settled = approval().model_copy(update={"state": state})
    assert decide(settled, decision(), now=NOW) == AlreadyDecided(state)


@pytest.mark.parametrize(
    ("late", "outcome"),
    [
        (timedelta(microseconds=-1), Recorded),
        (timedelta(0), Expired),
        (timedelta(days=1), Expired),
    ],
)
def test_an_answer_counts_until_the_approval_expires(late, outcome):
    current = approval()
    assert isinstance(decide(current, decision(), now=current.expires_at + late), outcome)


def test_an_expired_approval_says_so_whatever_the_clock_says():
    assert decide(expired(approval(), now=NOW), decision(), now=NOW) == Expired()


def test_every_state_that_is_reached_is_one_that_the_lifecycle_allows():
    reached = {
        decide(approval(), decision(answer=answer), now=NOW).question.state for answer in (YES, NO)
    } | {expired(approval(), now=NOW).state}
    assert all(PENDING in APPROVAL_FROM[state] for state in reached)


def test_an_approval_becomes_an_event_with_its_decisions():
    after = decide(approval(), decision(), now=NOW).question
    event = after.outcome()
    assert isinstance(event, StepApproved)
    assert event.decisions == (decision(),)
    assert (event.approval_id, event.step_hash) == (APPROVAL_ID, after.step_hash)
    assert event.id == after.outcome().id


@pytest.mark.parametrize(
    ("after", "refusal", "signature", "answers"),
    [
        (decide(approval(), decision(answer=NO), now=NOW).question, Refusal.REJECTED, "", 1),
        (expired(approval(), now=NOW), Refusal.EXPIRED, "signed", 0),
    ],
)
def test_a_refusal_says_which_and_is_signed_by_somebody(after, refusal, signature, answers):
    event = after.outcome(expiry="signed")
    assert isinstance(event, StepRejected)
    assert (event.refusal, event.signature, len(event.decisions)) == (refusal, signature, answers)


@pytest.mark.parametrize("state", [PENDING, ApprovalState.SUPERSEDED])
def test_what_nobody_waits_for_is_not_told(state):
    assert approval().model_copy(update={"state": state}).outcome() is None


def test_where_nobody_is_configured_the_terminal_is_asked():
    assert [to.email for to in approval(people=()).recipients] == ["terminal"]


@pytest.mark.parametrize(
    ("who", "by", "channel", "counts"),
    [
        ((), BOB.email, "email", True),
        ((ALICE.email,), ALICE.email, "email", True),
        ((ALICE.email,), ALICE.email.upper(), "email", True),
        ((ALICE.email,), BOB.email, "email", False),
        ((ALICE.email,), "root", "terminal", False),
        ((ALICE.email, "on-call"), BOB.email, "email", True),
    ],
)
def test_the_yes_of_those_counts_whom_the_policy_asks_and_everybodys_no(who, by, channel, counts):
    asked = approval(who=who)
    yes = decide(asked, decision(by, YES, channel), now=NOW)
    assert isinstance(yes, Recorded if counts else NotAsked)
    assert isinstance(decide(asked, decision(by, NO, channel), now=NOW), Recorded)


@pytest.mark.parametrize(
    ("barred", "by", "channel", "why"),
    [
        (True, BOB.email, "email", ""),
        (True, ALICE.email, "email", "the yes has to be another person's"),
        (True, ALICE.email.upper(), "email", "the yes has to be another person's"),
        (True, "alice", "terminal", "nobody can tell who sits at a terminal"),
        (False, ALICE.email, "email", ""),
        (False, "alice", "terminal", ""),
    ],
)
def test_who_asked_for_the_ticket_may_say_no_and_not_yes(barred, by, channel, why):
    asked = approval(requester=ALICE.email, not_requester=barred)
    yes = decide(asked, decision(by, YES, channel), now=NOW)
    if why:
        assert why in yes.reason
        assert yes.reason.startswith("alice@example.org asked for this ticket")
    else:
        assert isinstance(yes, Recorded)
    assert isinstance(decide(asked, decision(by, NO, channel), now=NOW), Recorded)


@pytest.mark.parametrize(("on_no", "outcome"), [("reject", Recorded), ("majority", NotAsked)])
def test_where_a_no_is_a_vote_only_those_may_say_it_whose_yes_would_count(on_no, outcome):
    asked = approval(required=2, who=(ALICE.email, "carol@example.org"), on_no=OnNo(on_no))
    assert isinstance(decide(asked, decision(BOB.email, NO), now=NOW), outcome)
    assert isinstance(decide(asked, decision(ALICE.email, NO), now=NOW), Recorded)


def test_of_each_team_somebody_has_to_agree_before_it_is_settled():
    seats = (Seat(name="dba", people=(ALICE.email,)), Seat(name="web", people=(BOB.email,)))
    asked = approval(required=2, seats=seats)
    assert asked.wanted == "2 more yes, of dba and web"
    first = decide(asked, decision("carol@example.org"), now=NOW).question
    second = decide(first, decision(ALICE.email), now=NOW).question
    assert (second.state, second.wanted) == (PENDING, "1 more yes, of web")
    assert decide(second, decision(BOB.email), now=NOW).question.state is APPROVED
