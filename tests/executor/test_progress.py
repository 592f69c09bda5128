"""What happens next in a session, as tables."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.executor.moves import Result
from services.executor.progress import JITTER, RECOVERIES
from shared.events import Refusal, SessionOutcome
from shared.lifecycle import Effect, Risk, SessionState, StepState
from tests.executor.going import (
    adopted,
    approved,
    begin,
    ended,
    paused,
    refused,
    source_said,
    unanswered,
)
from tests.executor.sessions import CONTINUE, NOW, TWICE, running, session, states, step

OK = Result(exit_code=0, output="done")
BAD = Result(exit_code=3, reason="exit code 3")
LOST = Result(reason="no process and no exit code", lost=True)


def begun(*steps, **fields):
    return begin(session(*steps), "me", NOW, source_resolved=False, **fields)


def played(move, *results):
    """The move after the running steps ended one after the other, each with its result.

    Nobody answers what became of those that were lost.
    """
    for step_id, result in results:
        run = move.session.run(step_id)
        move = ended(move.session, step_id, "me", NOW, fence=run.fence, result=result)
        if move.session.run(step_id).question_id is not None:
            move = unanswered(move.session, step_id)
    return move


def subjects(move):
    return [event.subject for event in move.events]


def finished(move):
    return next(event for event in move.events if event.subject == "session.finished")


def test_a_plan_begins_with_every_step_that_needs_no_other():
    move = begun(step("a"), step("b"), step("c", "a", "b"))
    assert states(move.session) == {"a": "running", "b": "running", "c": "pending"}
    assert move.claimed == ["a", "b"]
    assert move.session.state is SessionState.RUNNING
    assert subjects(move) == ["session.started", "step.started", "step.started"]


def test_a_claim_has_an_owner_an_attempt_and_a_fence():
    run = begun(step("a")).session.run("a")
    assert (run.owner, run.attempt, run.fence, run.started_at) == ("me", 1, 1, NOW)


@pytest.mark.parametrize("state", [s for s in SessionState if s is not SessionState.PLANNED])
def test_a_session_that_was_begun_is_not_begun_again(state):
    assert begin(session(state=state), "me", NOW, source_resolved=False) is None


DIAMOND = (step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))
CHAIN = (step("a"), step("b", "a"), step("c", "b"))


@pytest.mark.parametrize(
    ("steps", "results", "expected", "outcome"),
    [
        pytest.param(CHAIN, [("a", OK)], "succeeded running pending", None, id="the next one"),
        pytest.param(
            CHAIN,
            [("a", OK), ("b", OK), ("c", OK)],
            "succeeded succeeded succeeded",
            "succeeded",
            id="to the end",
        ),
        pytest.param(
            CHAIN, [("a", BAD)], "failed skipped skipped", "failed", id="a failure blocks the rest"
        ),
        pytest.param(
            (step("a", on_failure=CONTINUE), step("b", "a")),
            [("a", BAD), ("b", OK)],
            "failed succeeded",
            "succeeded",
            id="a failure that may be",
        ),
        pytest.param(
            DIAMOND, [("a", OK), ("b", OK)], "succeeded succeeded running pending", None, id="join"
        ),
        pytest.param(
            DIAMOND,
            [("a", OK), ("b", BAD)],
            "succeeded failed running pending",
            None,
            id="a failed branch does not stop the other",
        ),
        pytest.param(
            DIAMOND,
            [("a", OK), ("b", BAD), ("c", OK)],
            "succeeded failed succeeded skipped",
            "failed",
            id="but the session fails",
        ),
        pytest.param(
            (step("a"), step("b", "a", when="steps.a.exit_code != 0"), step("c", "b")),
            [("a", OK), ("c", OK)],
            "succeeded skipped succeeded",
            "succeeded",
            id="a false condition skips one step only",
        ),
        pytest.param(
            (step("a", on_failure=CONTINUE), step("b", "a", when="steps.a.exit_code == 3")),
            [("a", BAD), ("b", OK)],
            "failed succeeded",
            "succeeded",
            id="a condition over an exit code",
        ),
        pytest.param(
            (step("a"), step("b", "a", when="steps.nobody.exit_code == 0")),
            [("a", OK)],
            "succeeded failed",
            "failed",
            id="a condition that makes no sense is a failure, not a silence",
        ),
        pytest.param(
            (step("a"),), [("a", LOST)], "unknown", "failed", id="a lost once step is unknown"
        ),
        pytest.param(
            (step("a"), step("b", "a")),
            [("a", LOST)],
            "unknown skipped",
            "failed",
            id="nothing is built on the unknown",
        ),
    ],
)
def test_steps_follow_each_other(steps, results, expected, outcome):
    move = played(begun(*steps), *results)
    assert " ".join(states(move.session).values()) == expected
    assert (finished(move).outcome if outcome else None) == outcome


@pytest.mark.parametrize("effect", [Effect.READ_ONLY, Effect.IDEMPOTENT, Effect.CHECK_THEN_ACT])
def test_a_lost_step_that_may_run_again_does_so_as_another_attempt(effect):
    move = played(begun(step("a", effect=effect)), ("a", LOST))
    assert move.session.run("a").attempt == 2
    assert move.claimed == ["a"]


def test_a_step_that_is_lost_every_time_is_unknown_in_the_end():
    move = begun(step("a", effect=Effect.IDEMPOTENT))
    for _ in range(RECOVERIES):
        move = played(move, ("a", LOST))
        assert move.session.run("a").state is StepState.RUNNING
    assert played(move, ("a", LOST)).session.run("a").state is StepState.UNKNOWN


def test_a_failed_attempt_is_tried_again_after_a_pause_that_doubles():
    three_times = step("a", retry=TWICE.model_copy(update={"attempts": 3}))
    first = played(begun(three_times), ("a", BAD))
    second = played(first, ("a", BAD))
    pauses = [
        (move.session.run("a").not_before - NOW) / timedelta(seconds=5) for move in (first, second)
    ]
    assert pauses == [pytest.approx(1, rel=JITTER), pytest.approx(2, rel=JITTER)]
    assert pauses != [1, 2], "those that failed together would come back together"
    assert played(second, ("a", BAD)).session.run("a").state is StepState.FAILED


def test_every_attempt_has_a_key_of_its_own_on_the_target():
    first = begun(step("a", retry=TWICE))
    second = played(first, ("a", BAD))
    keys = {move.session.job_key(move.session.step("a")) for move in (first, second)}
    assert len(keys) == 2


def test_a_step_that_needs_a_yes_asks_for_exactly_what_will_run():
    dangerous = step("a", asks=2, check="test -e /x", rollback="rm /x")
    move = begun(dangerous)
    asked = move.events[-1]
    assert move.session.state is SessionState.WAITING
    assert move.claimed == []
    assert (asked.subject, asked.command, asked.required) == (
        "step.awaiting_approval",
        dangerous.run,
        2,
    )
    assert (asked.check, asked.rollback) == ("test -e /x", "rm /x")
    assert asked.step_hash == dangerous.digest(move.session.id)
    assert asked.approval_id == move.session.run("a").approval_id


def test_what_earlier_steps_found_is_evidence_for_the_person_who_is_asked():
    move = played(begun(step("look"), step("act", "look", asks=1)), ("look", OK))
    assert any("done" in line for line in move.events[-1].evidence)


def test_an_approved_step_runs():
    waiting = begun(step("a", asks=1)).session
    move = approved(waiting, "a", "other", NOW)
    assert move.claimed == ["a"]
    assert move.session.run("a").owner == "other"
    assert move.session.state is SessionState.RUNNING


def test_an_approval_that_comes_twice_runs_nothing_again():
    move = approved(begun(step("a", asks=1)).session, "a", "me", NOW)
    assert approved(move.session, "a", "me", NOW) is None


@pytest.mark.parametrize(
    ("refusal", "state"),
    [(Refusal.REJECTED, StepState.REJECTED), (Refusal.EXPIRED, StepState.EXPIRED)],
)
def test_a_refused_step_ends_the_session_without_running(refusal, state):
    waiting = begun(step("a", asks=1), step("b", "a")).session
    move = refused(waiting, "a", "me", NOW, refusal=refusal, reason="not now")
    assert move.session.run("a").state is state
    assert move.session.run("b").state is StepState.SKIPPED
    assert finished(move).outcome is SessionOutcome.FAILED
    assert "not now" in finished(move).reason
    assert move.claimed == []


def test_another_branch_goes_on_while_one_waits_for_a_yes():
    move = begun(step("a", asks=1), step("b"))
    assert move.session.state is SessionState.RUNNING
    move = played(move, ("b", OK))
    assert move.session.state is SessionState.WAITING


@pytest.mark.parametrize(("owner", "fence"), [("somebody else", 1), ("me", 0), ("me", 2)])
def test_a_late_owner_is_not_listened_to(owner, fence):
    held = session(step("a"), state=SessionState.RUNNING, runs={"a": running("me", fence=1)})
    assert ended(held, "a", owner, NOW, fence=fence, result=OK) is None


def test_a_result_that_comes_twice_counts_once():
    move = played(begun(step("a"), step("b", "a")), ("a", OK))
    assert ended(move.session, "a", "me", NOW, fence=1, result=OK) is None


def test_steps_of_a_dead_executor_are_taken_over_with_the_same_attempt():
    held = session(step("a"), state=SessionState.RUNNING, runs={"a": running("gone", attempt=2)})
    move = adopted(held, frozenset({"me"}), "me", NOW)
    run = move.session.run("a")
    assert (run.owner, run.attempt, run.fence) == ("me", 2, 2)
    assert move.claimed == ["a"]
    assert move.session.job_key(held.step("a")) == held.job_key(held.step("a"))


def test_steps_of_a_living_executor_are_left_alone():
    held = session(step("a"), state=SessionState.RUNNING, runs={"a": running("other")})
    assert adopted(held, frozenset({"me", "other"}), "me", NOW) is None


def test_a_plan_whose_source_says_resolved_before_it_began_runs_nothing():
    move = begin(session(step("a")), "me", NOW, source_resolved=True)
    assert move.session.state is SessionState.CANCELLED
    assert subjects(move) == ["step.done", "session.finished"]
    assert finished(move).outcome is SessionOutcome.CANCELLED


@pytest.mark.parametrize(
    ("move", "cancelled"),
    [
        pytest.param(begun(step("a", asks=1)), True, id="nothing ran"),
        pytest.param(begun(step("a")), False, id="something runs"),
        pytest.param(
            played(begun(step("a"), step("b", "a", asks=1)), ("a", OK)),
            False,
            id="something that matters ran",
        ),
        pytest.param(
            played(begun(step("a", risk=Risk.LOW), step("b", "a", asks=1)), ("a", OK)),
            True,
            id="only a look ran",
        ),
    ],
)
def test_resolved_at_the_source_cancels_as_long_as_nothing_was_changed(move, cancelled):
    after = source_said(move.session, "me", NOW, resolved=True)
    assert (after.session.state is SessionState.CANCELLED) == cancelled


def test_resolved_while_a_look_runs_cancels_when_the_look_has_ended():
    looking = begun(step("look", risk=Risk.LOW), step("act", "look"))
    told = source_said(looking.session, "me", NOW, resolved=True)
    assert told.session.state is SessionState.RUNNING
    after = played(told, ("look", OK))
    assert after.session.state is SessionState.CANCELLED
    assert after.claimed == []


def test_firing_again_takes_resolved_back():
    looking = begun(step("look", risk=Risk.LOW), step("act", "look"))
    gone = source_said(looking.session, "me", NOW, resolved=True)
    back = source_said(gone.session, "me", NOW, resolved=False)
    assert played(back, ("look", OK)).claimed == ["act"]


def test_a_plan_that_is_done_is_verified_even_if_its_source_was_quicker():
    looking = begun(step("look", risk=Risk.LOW))
    told = source_said(looking.session, "me", NOW, resolved=True)
    assert played(told, ("look", OK)).session.state is SessionState.SUCCEEDED


def test_the_same_change_always_makes_the_same_event_ids():
    first, second = (begun(step("a"), step("b", asks=1)) for _ in range(2))
    assert [e.id for e in first.events] == [e.id for e in second.events]


def test_each_attempt_is_told_under_an_id_of_its_own():
    first = begun(step("a", retry=TWICE))
    again = played(first, ("a", BAD))
    started = [e.id for move in (first, again) for e in move.events if e.subject == "step.started"]
    assert len(set(started)) == 2


def test_long_output_is_told_by_its_end():
    move = played(begun(step("a")), ("a", replace(OK, output="x" * 100_000 + "the end")))
    assert len(move.session.run("a").output) < 5_000
    assert move.session.run("a").output.endswith("the end")


def test_a_plan_that_is_paused_before_it_is_begun_waits_when_it_is():
    move = paused(session(step("a")), "me", NOW, why="ann")
    assert move.session.state is SessionState.PLANNED
    move = begin(move.session, "me", NOW, source_resolved=False)
    assert (move.session.state, move.session.begun_at) == (SessionState.WAITING, NOW)
    assert paused(move.session, "me", NOW, why="").claimed == ["a"]


@pytest.mark.parametrize(
    ("last", "state"), [(True, SessionState.CANCELLED), (False, SessionState.RUNNING)]
)
def test_what_the_source_said_last_before_a_plan_is_begun_counts_when_it_is(last, state):
    of = session(step("a"), source_resolved=not last)
    move = source_said(of, "me", NOW, resolved=last)
    assert move.session.state is SessionState.PLANNED
    assert begin(move.session, "me", NOW, source_resolved=False).session.state is state


def test_of_its_own_steps_an_executor_takes_on_those_that_it_is_not_at():
    of = begun(step("a"), step("b")).session
    alive = frozenset({"me"})
    assert adopted(of, alive, "me", NOW) is None
    move = adopted(of, alive, "me", NOW, at_work={"a"})
    assert move.claimed == ["b"]
    assert move.session.run("b").is_taken_over
    assert not move.session.run("a").is_taken_over


@pytest.mark.parametrize("owners", [1, 4])
def test_an_attempt_is_new_to_its_owner_however_many_the_earlier_ones_had(owners):
    move = begun(step("a", effect=Effect.IDEMPOTENT, retry=TWICE))
    for number in range(owners):
        move = adopted(move.session, frozenset(), f"owner {number}", NOW)
        assert move.session.run("a").is_taken_over
    run = move.session.run("a")
    move = ended(move.session, "a", run.owner, NOW, fence=run.fence, result=BAD)
    assert move.session.run("a").attempt == 2
    assert not move.session.run("a").is_taken_over
