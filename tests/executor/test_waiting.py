"""What sessions wait for, as a table; and which of them are stuck."""

from datetime import timedelta
from uuid import uuid4

import pytest

from services.executor.session import Run
from services.executor.waiting import Kind, stuck, waits
from shared.lifecycle import SessionState, StepState
from tests.executor.sessions import NOW, running, session, step

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
WAITING, RUNNING = SessionState.WAITING, SessionState.RUNNING
QUESTION = uuid4()
COMMAND = "a, which runs on here since 2026-03-01 03:00:00 UTC by me"


def asked(**fields):
    return Run(state=StepState.AWAITING_APPROVAL, asked=1, asked_at=NOW, **fields)


def of(run, *, asks=0, **fields):
    return session(step("a", asks=asks), state=WAITING, runs={"a": run}, **fields)


TABLE = {
    "an executor": (session(step("a")), Kind.EXECUTOR, "an executor that takes it on"),
    "one yes": (
        of(asked(), asks=1),
        Kind.APPROVAL,
        "a yes of one person to a until 2026-03-01 04:00:00 UTC",
    ),
    "two yes": (
        of(asked(), asks=2),
        Kind.APPROVAL,
        "a yes of 2 people to a until 2026-03-01 04:00:00 UTC",
    ),
    "a form": (
        of(asked(question_id=QUESTION)),
        Kind.ANSWER,
        "an answer about a: the form that it is",
    ),
    "a fate": (
        of(Run(state=StepState.UNKNOWN, attempt=1, question_id=QUESTION)),
        Kind.ANSWER,
        "an answer about a: what became of it",
    ),
    "a command without a target": (
        session(step("a", target=""), state=WAITING, runs={"a": running()}),
        Kind.COMMAND,
        COMMAND.replace(" on here", ""),
    ),
    "a lock": (
        of(Run(state=StepState.READY, held="here is worked on by session x", held_on="lock here")),
        Kind.ROOM,
        "room for a: here is worked on by session x",
    ),
    "a command": (
        of(running()),
        Kind.COMMAND,
        COMMAND,
    ),
    "an end": (
        of(running(stop="it took too long")),
        Kind.COMMAND,
        f"{COMMAND}; it is being ended: it took too long",
    ),
    "a retry": (
        of(running(not_before=NOW + HOUR)),
        Kind.RETRY,
        "the next attempt at a at 2026-03-01 04:00:00 UTC",
    ),
    "a pause": (
        of(Run(), paused="ann@example.com: lunch"),
        Kind.PERSON,
        "somebody to resume it; paused by ann@example.com: lunch",
    ),
    "nothing": (of(Run(state=StepState.READY)), Kind.NOTHING, "nothing: it is stuck"),
}


@pytest.mark.parametrize(("plan", "kind", "text"), TABLE.values(), ids=TABLE)
def test_what_a_session_waits_for(plan, kind, text):
    (wait,) = waits(plan, NOW)
    assert (wait.kind, wait.text) == (kind, text)
    assert stuck(plan, NOW) is (kind is Kind.NOTHING)


@pytest.mark.parametrize("state", [SessionState.SUCCEEDED, SessionState.FAILED])
def test_a_session_that_has_ended_waits_for_nothing_and_is_not_stuck(state):
    plan = session(step("a"), state=state)
    assert waits(plan, NOW) == ()
    assert not stuck(plan, NOW)


@pytest.mark.parametrize(
    ("plan", "after", "late"),
    [
        (of(running()), timedelta(seconds=100), False),
        (of(running()), timedelta(seconds=121), True),
        (of(running(not_before=NOW + HOUR)), HOUR + timedelta(seconds=100), False),
        (of(asked(), asks=1), HOUR + timedelta(seconds=59), False),
        (of(asked(), asks=1), HOUR + timedelta(seconds=61), True),
    ],
)
def test_what_should_have_come_by_now_is_late(plan, after, late):
    (wait,) = waits(plan, NOW + after)
    assert wait.late is wait.is_stuck is late


def test_an_executor_that_is_gone_is_named():
    (wait,) = waits(of(running("gone")), NOW, alive={"me"})
    assert wait.text.endswith("by gone, which is gone: another executor takes it over")


def test_each_thing_that_is_waited_for_is_told():
    plan = session(step("a"), step("b", asks=1), state=RUNNING, runs={"a": running(), "b": asked()})
    assert [wait.step_id for wait in waits(plan, NOW)] == ["a", "b"]


@pytest.mark.parametrize(
    "run",
    [
        asked(approval_id=QUESTION),
        asked(question_id=QUESTION),
        Run(state=StepState.UNKNOWN, attempt=1, question_id=QUESTION),
    ],
)
def test_what_people_are_asked_is_told_by_its_id(run):
    assert [wait.question_id for wait in waits(of(run, asks=1), NOW)] == [QUESTION]
