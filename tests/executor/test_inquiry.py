"""What a session asks people beside a yes, and what their answers come to."""

import pytest

from services.executor.inquiry import UnfitReplyError
from services.executor.moves import Result
from shared.events import ApprovalRule, Asked, Refusal, Seat
from shared.lifecycle import Effect, Risk, SessionState, StepState
from tests.executor.going import answered, approved, begin, ended, refused, reply, unanswered
from tests.executor.sessions import NOW, session, states, step
from tests.executor.wardens import ALERT

LOST = Result(reason="no exit code", lost=True)
FORM = """form
question: "How many?"
fields: {"count": {"type": "integer"}, "why": {"title": "Why", "default": "so"}}
from: ["ann@example.com"]"""


def lost(*steps):
    move = begin(session(*(steps or (step("a"),))), "me", NOW, source_resolved=False)
    return ended(move.session, "a", "me", NOW, fence=1, result=LOST)


def asked(**fields):
    form = step(
        "a", uses="ask", target="", run=FORM, risk=Risk.LOW, effect=Effect.READ_ONLY, **fields
    )
    after = step("b", "a", when="steps.a.outputs.count > 2")
    return begin(session(form, after), "me", NOW, source_resolved=False)


def test_a_lost_once_step_is_unknown_told_and_asked_about():
    move = lost()
    assert [event.subject for event in move.events] == ["step.done", "question.asked"]
    question = move.events[1]
    assert question.asked is Asked.FATE
    assert question.fields[0].options == ("ran", "did_not_run", "again")
    assert "no exit code" in question.text
    assert move.session.state is SessionState.WAITING


@pytest.mark.parametrize(
    ("fate", "state", "whole"),
    [
        ("ran", "succeeded", SessionState.SUCCEEDED),
        ("did_not_run", "failed", SessionState.FAILED),
        ("again", "running", SessionState.RUNNING),
    ],
)
def test_what_somebody_says_became_of_it_counts(fate, state, whole):
    session_ = lost().session
    move = answered(session_, reply(session_, "a", fate=fate), "me", NOW)
    assert (states(move.session)["a"], move.session.state) == (state, whole)


def test_a_step_is_run_again_under_another_key():
    before = lost().session
    after = answered(before, reply(before, "a", fate="again"), "me", NOW).session
    assert after.run("a").attempt == before.run("a").attempt + 1
    assert after.job_key(after.step("a")) != before.job_key(before.step("a"))


def lost_after_a_yes(by, *, people=1, **rule):
    """A step that so many people agreed to, for a ticket that ``by`` asked for."""
    rule = ApprovalRule(required=people, reason="the test says so", **rule)
    asking = begin(
        session(step("a", approval=rule), alert=ALERT.model_copy(update={"requested_by": by})),
        "me",
        NOW,
        source_resolved=False,
    )
    agreed = approved(asking.session, "a", "me", NOW, people=people)
    return ended(agreed.session, "a", "me", NOW, fence=1, result=LOST).session


@pytest.mark.parametrize(
    ("by", "rule", "runs"),
    [
        ("ann@example.com", {}, True),
        ("ann@example.com", {"people": 2}, False),
        ("ann@example.com", {"seats": (Seat(name="dba", people=("ann@example.com",)),)}, True),
        ("ben@example.com", {}, False),
        ("ben@example.com", {"not_requester": False}, True),
        ("ben@example.com", {"people": 2, "not_requester": False}, False),
    ],
)
def test_running_again_needs_all_whose_yes_it_needed_before(by, rule, runs):
    before = lost_after_a_yes("ben@example.com", **rule)
    move = answered(before, reply(before, "a", by=by, fate="again"), "me", NOW)
    assert states(move.session)["a"] == ("running" if runs else "awaiting_approval")
    asked = [e for e in move.events if e.subject == "step.awaiting_approval"]
    assert [e.again for e in asked] == ([] if runs else [f"{by} wants it run again"])
    assert all(e.approval_id != before.run("a").approval_id for e in asked)


@pytest.mark.parametrize(("asks", "risk"), [(0, None), (1, Risk.HIGH)])
def test_a_question_tells_the_risk_of_what_would_need_a_yes_again(asks, risk):
    asking = begin(session(step("a", asks=asks)), "me", NOW, source_resolved=False).session
    before = approved(asking, "a", "me", NOW).session if asks else asking
    move = ended(before, "a", "me", NOW, fence=1, result=LOST)
    assert [e.risk for e in move.events if e.subject == "question.asked"] == [risk]


def test_what_nobody_had_to_agree_to_is_run_again_by_anyone():
    before = lost().session
    before = before.model_copy(
        update={"alert": ALERT.model_copy(update={"requested_by": "ann@example.com"})}
    )
    move = answered(before, reply(before, "a", fate="again"), "me", NOW)
    assert states(move.session)["a"] == "running"


def test_without_an_answer_it_stays_unknown_and_the_session_has_failed():
    move = unanswered(lost(step("a"), step("b", "a")).session, "a")
    assert states(move.session) == {"a": "unknown", "b": "skipped"}
    assert move.session.state is SessionState.FAILED
    assert "nobody answered in time" in move.session.run("a").reason


def test_an_answer_that_was_not_offered_is_refused_and_the_step_goes_on_waiting():
    session_ = lost().session
    with pytest.raises(UnfitReplyError, match="say one of ran, did_not_run, again"):
        answered(session_, reply(session_, "a", fate="maybe"), "me", NOW)


def test_an_answer_that_comes_twice_changes_nothing():
    before = lost().session
    said = reply(before, "a", fate="ran")
    after = answered(before, said, "me", NOW).session
    assert answered(after, said, "me", NOW) is None


def test_a_yes_to_a_step_that_asks_something_else_changes_nothing():
    session_ = asked().session
    assert approved(session_, "a", "me", NOW) is None


def test_a_step_asks_a_form_and_what_is_filled_in_are_its_outputs():
    move = asked()
    question = move.events[-1]
    assert (question.asked, question.text) == (Asked.FORM, "How many?")
    assert [field.name for field in question.fields] == ["count", "why"]
    move = answered(move.session, reply(move.session, "a", count="3"), "me", NOW)
    assert move.session.run("a").outputs == {"count": 3, "why": "so"}
    assert states(move.session) == {"a": "succeeded", "b": "running"}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "count has to be answered"),
        ({"count": "many"}, "count is no whole number"),
        ({"count": "1", "more": "x"}, "nobody asked for more"),
    ],
)
def test_a_form_that_is_not_filled_in_as_asked_is_refused(values, why):
    session_ = asked().session
    with pytest.raises(UnfitReplyError, match=why):
        answered(session_, reply(session_, "a", **values), "me", NOW)


def test_a_form_that_nobody_fills_in_expires():
    move = unanswered(asked().session, "a")
    assert states(move.session) == {"a": "expired", "b": "skipped"}
    assert move.session.state is SessionState.FAILED


def test_a_form_that_somebody_will_not_fill_in_is_refused():
    move = refused(asked().session, "a", "me", NOW, refusal=Refusal.REJECTED, reason="no")
    assert move.session.run("a").state is StepState.REJECTED


def test_a_form_is_for_the_people_that_it_names():
    assert asked().events[-1].who == ("ann@example.com",)


def test_a_person_who_signs_that_nobody_answers_ends_the_wait():
    session_ = asked().session
    said = reply(session_, "a")
    no = said.model_copy(
        update={
            "reply": said.reply.model_copy(update={"refused": True}),
            "refusal": Refusal.REJECTED,
        }
    )
    move = answered(session_, no, "me", NOW, reason="ann would not answer")
    assert states(move.session) == {"a": "rejected", "b": "skipped"}
