"""What is taken back when a plan fails, in which order, and what is said of it."""

import pytest

from services.executor.moves import Result
from services.executor.session import Ending
from shared.events import OnFailure, SessionOutcome
from shared.lifecycle import Risk, SessionState, StepState
from tests.executor.going import answered as answered_by
from tests.executor.going import begin, ended, reply, unanswered, wound_down
from tests.executor.sessions import NOW, session, states, step

OK = Result(exit_code=0)
BAD = Result(exit_code=1, reason="exit code 1")
LOST = Result(reason="gone", lost=True)
ROLLBACK = OnFailure.ROLLBACK


def undoable(id_, *needs, **fields):
    return step(id_, *needs, rollback=f"undo {id_}", **fields)


def played(steps, *results, **fields):
    move = begin(session(*steps, **fields), "me", NOW, source_resolved=False)
    for step_id, result in results:
        fence = move.session.run(step_id).fence
        move = ended(move.session, step_id, "me", NOW, fence=fence, result=result)
    return move


def finished(move):
    return next(event for event in move.events if event.subject == "session.finished")


CHAIN = (undoable("a"), undoable("b", "a"), undoable("c", "b", on_failure=ROLLBACK), step("d", "c"))


def test_what_was_done_is_taken_back_in_the_reverse_order():
    move = played(CHAIN, ("a", OK), ("b", OK), ("c", BAD))
    assert [each.id for each in move.session.steps if each.undoes] == ["undo:c", "undo:b", "undo:a"]
    assert states(move.session)["undo:c"] == "running"
    assert states(move.session)["undo:b"] == "pending"
    assert move.session.step("undo:b").run == "undo b"


def test_nothing_of_the_plan_begins_once_it_is_taken_back():
    steps = (*CHAIN, step("e"), step("f", "e"))
    move = played(steps, ("a", OK), ("b", OK), ("c", BAD))
    assert states(move.session)["f"] == "skipped"
    assert not [each for each in move.session.steps if each.undoes], "e still runs"
    move = ended(move.session, "e", "me", NOW, fence=1, result=OK)
    assert next(each.id for each in move.session.steps if each.undoes) == "undo:c"


def test_a_step_that_was_taken_back_says_so_and_the_session_has_failed():
    move = played(CHAIN, ("a", OK), ("b", BAD))
    assert move.session.state is SessionState.FAILED, "only c wants a rollback"
    move = played(
        CHAIN,
        *[("a", OK), ("b", OK), ("c", BAD)],
        *[("undo:c", OK), ("undo:b", OK), ("undo:a", OK)],
    )
    assert states(move.session)["a"] == states(move.session)["b"] == "rolled_back"
    assert move.session.run("c").state is StepState.FAILED
    assert move.session.state is SessionState.FAILED
    assert finished(move).reason == "c failed: exit code 1; taken back: c, b, a"
    told = [e for e in move.events if e.subject == "step.done" and e.step_id == "a"]
    assert [e.outcome for e in told] == ["rolled_back"]


def test_what_cannot_be_taken_back_does_not_keep_the_rest_from_it():
    move = played(
        CHAIN,
        *[("a", OK), ("b", OK), ("c", BAD)],
        *[("undo:c", OK), ("undo:b", BAD), ("undo:a", OK)],
    )
    assert states(move.session)["b"] == "succeeded"
    assert finished(move).reason.endswith("taken back: c, a; not taken back: b")


def test_a_rollback_whose_end_nobody_knows_is_asked_about_and_the_rest_goes_on():
    move = played(CHAIN, ("a", OK), ("b", OK), ("c", BAD), ("undo:c", LOST))
    assert move.session.run("undo:c").question_id is not None
    move = answered_by(move.session, reply(move.session, "undo:c", fate="ran"), "me", NOW)
    assert states(move.session)["undo:b"] == "running"
    move = played(CHAIN, ("a", OK), ("b", OK), ("c", BAD), ("undo:c", LOST))
    assert states(unanswered(move.session, "undo:c").session)["undo:b"] == "running"


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({}, 0),
        ({"risk": Risk.CRITICAL}, 0),
        ({"risk": Risk.LOW, "rollback_risk": Risk.HIGH}, 1),
        ({"risk": Risk.HIGH, "rollback_risk": Risk.LOW}, 0),
    ],
)
def test_people_who_agreed_to_a_step_agreed_to_what_takes_it_back(fields, asks):
    steps = (undoable("a", **fields), step("b", "a", on_failure=ROLLBACK))
    move = played(steps, ("a", OK), ("b", BAD))
    assert move.session.step("undo:a").approval.required == asks


def test_taking_back_what_may_never_have_run_is_asked_for():
    steps = (undoable("a"), step("b", on_failure=ROLLBACK))
    move = played(steps, ("a", LOST))
    move = unanswered(move.session, "a")
    move = ended(move.session, "b", "me", NOW, fence=1, result=BAD)
    assert move.session.step("undo:a").approval.required == 1
    assert states(move.session)["undo:a"] == "awaiting_approval"


def test_a_session_that_is_ended_by_a_person_may_be_taken_back_first():
    move = played((undoable("a"), step("b", "a")), ("a", OK))
    ending = Ending(reason="ended by ann", outcome=SessionOutcome.CANCELLED, rollback=True)
    move = wound_down(move.session, "me", NOW, ending)
    assert move.stopped == ["b"]
    stopped = Result(exit_code=143, reason="it was ended")
    move = ended(move.session, "b", "me", NOW, fence=1, result=stopped)
    assert states(move.session) == {"a": "succeeded", "b": "failed", "undo:a": "running"}
    move = ended(move.session, "undo:a", "me", NOW, fence=1, result=OK)
    assert move.session.state is SessionState.CANCELLED
    assert finished(move).reason == "ended by ann; taken back: a"


FORM = 'form\nquestion: "How many?"\nfields: {"count": {"type": "text"}}'


def test_a_question_that_is_open_when_a_plan_is_taken_back_waits_for_nobody():
    steps = (undoable("a", on_failure=ROLLBACK), step("form", uses="ask", run=FORM))
    move = played(steps, ("a", BAD))
    assert states(move.session) == {"a": "failed", "form": "skipped", "undo:a": "running"}
    move = ended(move.session, "undo:a", "me", NOW, fence=1, result=OK)
    assert move.session.state is SessionState.FAILED


def test_a_session_that_is_ended_without_taking_back_takes_nothing_back():
    move = played((undoable("a"), undoable("b", "a", on_failure=ROLLBACK)), ("a", OK))
    move = wound_down(
        move.session, "me", NOW, Ending(reason="ann", outcome=SessionOutcome.CANCELLED)
    )
    stopped = Result(exit_code=143, reason="it was ended")
    move = ended(move.session, "b", "me", NOW, fence=1, result=stopped)
    assert states(move.session) == {"a": "succeeded", "b": "failed"}
    assert move.session.state is SessionState.CANCELLED
