"""Pausing, ending and trying again a session."""

from datetime import timedelta

import pytest

from services.executor.consent import check_approval
from services.executor.directive import NothingToRetryError, directed, retried
from services.executor.moves import Result
from services.executor.session import Run
from shared.events import (
    Answer,
    Decision,
    Directive,
    Edit,
    OnFailure,
    Refusal,
    SessionDirected,
    StepApproved,
)
from shared.lifecycle import Effect, Risk, SessionState
from shared.signing import ForgedDecisionError
from tests.executor.going import approved, begin, ended, gone_on, refused
from tests.executor.sessions import NOW, SESSION_ID, TICKET_ID, session, states, step
from tests.standing.words import ADA, BOB, SIGNER

OK = Result(exit_code=0)
BAD = Result(exit_code=1, reason="exit code 1")
CHAIN = (step("a"), step("b", "a"), step("c", "b"))


def said(directive, **fields):
    return SessionDirected.about(
        SESSION_ID,
        ticket_id=TICKET_ID,
        session_id=SESSION_ID,
        directive=directive,
        **{"by": "ann@example.com", "at": NOW, **fields},
    )


def agreeing(of, who):
    """The yes of somebody to step a, as it is told."""
    about = {"approval_id": of.approval_id(of.step("a")), "step_hash": of.step("a").digest(of.id)}
    yes = Decision(answer=Answer.APPROVE, by=who, at=NOW, channel="email", place=0)
    return StepApproved.about(
        of.id,
        ticket_id=of.ticket_id,
        session_id=of.id,
        step_id="a",
        decisions=(SIGNER.signed(yes, **about),),
        **about,
    )


def begun(*steps):
    return begin(session(*steps), "me", NOW, source_resolved=False).session


def heeded(of, directive, **fields):
    return gone_on(directed(of, said(directive, **fields), "me", NOW))


def over(of, step_id, result=OK):
    return ended(of, step_id, "me", NOW, fence=of.run(step_id).fence, result=result)


@pytest.mark.parametrize(("who", "counts"), [(ADA, False), (BOB, True)])
def test_who_wrote_a_command_does_not_agree_to_it(who, counts):
    over_ = session(step("a", asks=1), state=SessionState.FAILED, runs={"a": Run(attempt=1)})
    again = retried(over_, said(Directive.RETRY, by=ADA, edits=(Edit(step_id="a", run="ls"),)))
    asking = begin(again, "me", NOW, source_resolved=False)
    assert asking.events[-1].co_requesters == (ADA,)
    word = agreeing(asking.session, who)
    if counts:
        assert check_approval(asking.session, word, SIGNER) == 1
        return
    with pytest.raises(ForgedDecisionError, match="wrote the command"):
        check_approval(asking.session, word, SIGNER)


def test_a_paused_session_lets_what_runs_end_and_begins_nothing():
    paused = heeded(begun(*CHAIN), Directive.PAUSE, reason="wait").session
    assert paused.paused == "ann@example.com: wait"
    later = over(paused, "a").session
    assert states(later) == {"a": "succeeded", "b": "pending", "c": "pending"}
    assert later.state is SessionState.WAITING
    resumed = heeded(later, Directive.RESUME)
    assert resumed.claimed == ["b"]


def test_a_yes_that_comes_while_a_session_is_paused_counts_when_it_goes_on():
    paused = heeded(begun(step("a", asks=1)), Directive.PAUSE).session
    agreed = approved(paused, "a", "me", NOW)
    assert agreed.claimed == []
    assert heeded(agreed.session, Directive.RESUME).claimed == ["a"]


def test_a_session_that_is_ended_leaves_out_what_waits_and_ends_what_runs():
    move = heeded(begun(*CHAIN), Directive.CANCEL, reason="wrong host")
    assert move.stopped == ["a"]
    assert states(move.session) == {"a": "running", "b": "skipped", "c": "skipped"}
    move = over(move.session, "a", Result(exit_code=143, reason="it was ended"))
    assert move.session.state is SessionState.CANCELLED
    assert move.session.run("a").reason == "it was ended: ended by ann@example.com: wrong host"


def test_a_command_that_ended_well_before_it_could_be_ended_did_its_work():
    move = heeded(begun(*CHAIN), Directive.CANCEL)
    move = over(move.session, "a")
    assert states(move.session)["a"] == "succeeded"
    assert move.session.state is SessionState.CANCELLED


def test_what_waits_for_a_person_is_not_asked_for_any_more():
    move = heeded(begun(step("a", asks=1)), Directive.CANCEL)
    assert move.session.state is SessionState.CANCELLED
    assert approved(move.session, "a", "me", NOW) is None


@pytest.mark.parametrize("directive", [Directive.PAUSE, Directive.CANCEL])
def test_what_has_ended_is_not_paused_or_ended(directive):
    done = over(begun(step("a")), "a").session
    assert directed(done, said(directive), "me", NOW) is None


def test_a_session_is_tried_again_from_the_step_that_failed():
    failed = over(over(begun(*CHAIN), "a").session, "b", BAD).session
    again = retried(failed, said(Directive.RETRY, reason="disk was full"))
    assert again.retry_of == SESSION_ID
    assert states(again) == {"a": "succeeded", "b": "pending", "c": "pending"}
    assert again.reasons[-1] == "tried again by ann@example.com: disk was full"
    move = begin(again, "me", NOW, source_resolved=False)
    assert move.claimed == ["b"]


def test_the_same_word_makes_the_same_session():
    failed = over(begun(*CHAIN), "a", BAD).session
    word = said(Directive.RETRY)
    assert retried(failed, word) == retried(failed, word)
    assert retried(failed, word).id != SESSION_ID


def test_a_command_that_somebody_wrote_is_asked_for_whatever_the_policy_says():
    failed = over(begun(step("a", risk=Risk.LOW)), "a", BAD).session
    edits = (Edit(step_id="a", run="echo better"),)
    again = retried(failed, said(Directive.RETRY, edits=edits))
    assert again.step("a").run == "echo better"
    assert again.step("a").approval.required == 1
    assert "ann@example.com wrote this command" in again.step("a").approval.reason


@pytest.mark.parametrize(
    ("of", "edits"),
    [
        (lambda: begun(*CHAIN), ()),
        (lambda: over(begun(step("a")), "a").session, ()),
        (lambda: over(over(begun(*CHAIN), "a").session, "b", BAD).session, ("a",)),
        (lambda: over(begun(*CHAIN), "a", BAD).session, ("nobody",)),
    ],
    ids=["it runs", "it succeeded", "it was done", "no such step"],
)
def test_what_cannot_be_tried_again_says_why(of, edits):
    word = said(Directive.RETRY, edits=tuple(Edit(step_id=id_, run="x") for id_ in edits))
    with pytest.raises(NothingToRetryError):
        retried(of(), word)


def word(directive, seconds, **fields):
    """What somebody said so many seconds later."""
    spoken = said(directive, **fields)
    return spoken.model_copy(update={"at": NOW + timedelta(seconds=seconds)})


@pytest.mark.parametrize(
    ("first", "then"),
    [(Directive.PAUSE, Directive.RESUME), (Directive.RESUME, Directive.PAUSE)],
    ids=["was paused", "goes on"],
)
def test_of_two_words_that_come_in_the_wrong_order_the_one_said_last_counts(first, then):
    of = gone_on(directed(begun(*CHAIN), word(then, 2), "me", NOW)).session
    assert directed(of, word(first, 1), "me", NOW) is None
    assert bool(of.paused) is (then is Directive.PAUSE)


def test_a_word_that_comes_twice_counts_once():
    of = gone_on(directed(begun(*CHAIN), word(Directive.PAUSE, 1), "me", NOW)).session
    assert gone_on(directed(of, word(Directive.PAUSE, 1), "me", NOW)).session == of


def test_what_was_said_of_the_first_session_does_not_count_in_the_one_that_tries_again():
    failed = over(begun(*CHAIN), "a", BAD).session.model_copy(update={"directed_at": NOW})
    assert retried(failed, said(Directive.RETRY)).directed_at is None


def test_a_session_is_tried_again_once_whoever_asks_and_however_often():
    failed = over(begun(*CHAIN), "a", BAD).session
    first, second = (retried(failed, said(Directive.RETRY, key=key)) for key in ("1", "2"))
    assert first.id == second.id
    failed_too = first.model_copy(update={"state": failed.state})
    assert retried(failed_too, said(Directive.RETRY)).id not in {failed.id, first.id}


def test_what_is_for_a_failure_can_still_be_led_to_when_its_plan_is_tried_again():
    steps = (step("a", asks=1, on_failure=OnFailure.GOTO, goto="b"), step("b"))
    expired = refused(begun(*steps), "a", "me", NOW, refusal=Refusal.EXPIRED, reason="nobody")
    assert states(expired.session) == {"a": "expired", "b": "skipped"}
    again = begin(
        retried(expired.session, said(Directive.RETRY)), "me", NOW, source_resolved=False
    ).session
    again = over(approved(again, "a", "me", NOW).session, "a", BAD).session
    assert states(again) == {"a": "failed", "b": "running"}


def test_what_was_said_of_a_command_does_not_hold_for_the_one_written_in_its_place():
    easy = step("a", risk=Risk.LOW, effect=Effect.CHECK_THEN_ACT, check="test -e x", gather=True)
    failed = over(begun(easy, step("b", "a")), "a", BAD).session
    failed = over(failed, "b", BAD).session
    edits = (Edit(step_id="a", run="rm -rf /data/old"),)
    edited = retried(failed, said(Directive.RETRY, edits=edits)).step("a")
    assert (edited.effect, edited.check, edited.gather) == (Effect.ONCE, None, False)
    assert (edited.risk, edited.approval.required) == (Risk.HIGH, 1)


def test_a_risky_command_is_not_less_risky_for_being_edited():
    failed = over(begun(step("a", risk=Risk.CRITICAL)), "a", BAD).session
    edits = (Edit(step_id="a", run="echo better"),)
    assert retried(failed, said(Directive.RETRY, edits=edits)).step("a").risk is Risk.CRITICAL


def test_a_wish_to_end_a_session_counts_also_when_it_comes_late():
    paused = gone_on(directed(begun(*CHAIN), word(Directive.PAUSE, 2), "me", NOW)).session
    move = gone_on(directed(paused, word(Directive.CANCEL, 1), "me", NOW))
    assert move.stopped == ["a"]
    assert move.session.directed_at == paused.directed_at
