"""Sessions, executors and output in a real MongoDB."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from services.executor import progress
from services.executor.admission.verdict import Hold
from services.executor.advance import admit, settle
from services.executor.moves import Move, Result
from services.executor.output import Attempt, Whole
from services.executor.store import MongoExecutors, MongoOutput, MongoSessions
from services.executor.transcript import Piece
from shared.connectors.protocol import Stream, Usage
from shared.lifecycle import SessionState
from tests.executor.going import approved, begin, ended
from tests.executor.sessions import NOW, SESSION_ID, TICKET_ID, session, states, step
from tests.executor.test_late import over
from tests.executor.test_late import planned as drafted
from tests.runbook import library

OK = Result(exit_code=0)


def planned(**fields):
    """A session document as the planner writes it."""
    made = session(step("a", asks=1, run="echo '$HOME' $PATH"), step("b", "a"))
    document = made.model_dump(mode="json", exclude={"id", "runs", "source_resolved"})
    return {**document, "_id": SESSION_ID, "ticket_id": TICKET_ID, "runs": {}, **fields}


@pytest.fixture
async def sessions(db):
    store = MongoSessions(db)
    await store.prepare()
    await store.collection.insert_one(planned())
    return store


def begun(loaded, owner="me"):
    return begin(loaded, owner, NOW, source_resolved=False)


async def test_a_planned_session_is_read_as_it_was_written(sessions):
    loaded = await sessions.load(SESSION_ID)
    assert loaded.state is SessionState.PLANNED
    assert loaded.step("a").run == "echo '$HOME' $PATH"


async def test_a_session_that_is_not_there_is_none(sessions):
    assert await sessions.load(uuid4()) is None


async def test_a_change_is_read_back_with_its_events(sessions):
    loaded = await sessions.load(SESSION_ID)
    entries = await sessions.save(loaded.rev, begun(loaded))
    again = await sessions.load(SESSION_ID)
    assert again.rev == loaded.rev + 1
    assert states(again) == {"a": "awaiting_approval", "b": "pending"}
    assert [e["subject"] for e in entries] == ["session.started", "step.awaiting_approval"]


async def test_a_change_of_what_somebody_else_changed_is_refused(sessions):
    loaded = await sessions.load(SESSION_ID)
    assert await sessions.save(loaded.rev, begun(loaded)) is not None
    assert await sessions.save(loaded.rev, begun(loaded, "other")) is None


async def test_sessions_of_executors_that_are_gone_are_found(sessions):
    loaded = await sessions.load(SESSION_ID)
    await sessions.save(loaded.rev, begun(loaded))
    assert await sessions.owned_by_others([]) == []
    waiting = await sessions.load(SESSION_ID)
    await sessions.save(waiting.rev, approved(waiting, "a", "me", NOW))
    assert await sessions.owned_by_others(["other"]) == [SESSION_ID]
    assert await sessions.owned_by_others(["me", "other"]) == []


@pytest.mark.parametrize(
    ("state", "after"),
    [("planned", "in_progress"), ("verifying", "verifying"), ("resolved", "resolved")],
)
async def test_a_ticket_moves_on_and_never_back(sessions, db, state, after):
    await db.tickets.insert_one({"_id": TICKET_ID, "state": state})
    assert not await sessions.ticket_taken_on(TICKET_ID, NOW)
    assert (await db.tickets.find_one({"_id": TICKET_ID}))["state"] == after


async def test_a_ticket_whose_source_says_that_it_is_gone_stays_and_says_so(sessions, db):
    gone = {"_id": TICKET_ID, "state": "planned", "source_resolved_at": NOW}
    await db.tickets.insert_one(gone)
    assert await sessions.ticket_taken_on(TICKET_ID, NOW)
    assert (await db.tickets.find_one({"_id": TICKET_ID}))["state"] == "planned"


async def test_events_take_the_place_of_earlier_ones_only_when_these_are_told(sessions, db):
    loaded = await sessions.load(SESSION_ID)
    assert not loaded.untold
    await sessions.save(loaded.rev, begun(loaded))
    waiting = await sessions.load(SESSION_ID)
    assert waiting.untold
    await sessions.save(waiting.rev, approved(waiting, "a", "me", NOW))
    subjects = ["session.started", "step.awaiting_approval", "step.started"]
    kept = (await db.sessions.find_one({}))["outbox"]
    assert [entry["subject"] for entry in kept] == subjects
    told = (await sessions.load(SESSION_ID)).model_copy(update={"untold": False})
    await sessions.save(told.rev, ended(told, "a", "me", NOW, fence=1, result=OK))
    kept = (await db.sessions.find_one({}))["outbox"]
    assert [entry["subject"] for entry in kept] == ["step.done", "step.started"]


async def test_who_waits_for_something_is_found_by_its_name_the_first_one_first(sessions):
    plans = []
    for number in (2, 1):
        made = session(step("a")).model_copy(update={"id": uuid4()})
        document = made.model_dump(mode="json", exclude={"id"})
        await sessions.collection.insert_one({**document, "_id": made.id, "ticket_id": TICKET_ID})
        begun_at = NOW + timedelta(seconds=number)
        move = progress.begin(made, "me", begun_at, source_resolved=False)
        await sessions.save(0, settle(admit(move, {"a": Hold("it is locked", "lock here")})))
        plans.append(made.id)
    later, first = plans
    assert await sessions.held_back() == [(first, ["lock here"]), (later, ["lock here"])]
    assert len(await sessions.held_back(["lock here", "other"])) == 2
    assert await sessions.held_back(["lock there"]) == []


async def test_making_the_indexes_twice_changes_nothing(sessions):
    await sessions.prepare()


async def test_an_executor_lives_as_long_as_its_lease(db):
    lasting = MongoExecutors(db, timedelta(minutes=1))
    over = MongoExecutors(db, timedelta(0))
    await lasting.renew("lasting")
    await over.renew("over")
    assert await lasting.alive() == {"lasting"}
    await lasting.resign("lasting")
    assert await lasting.alive() == frozenset()


ATTEMPT = Attempt(SESSION_ID, "a", 1, 1)


@pytest.fixture
async def output(db):
    store = MongoOutput(db)
    await store.prepare()
    return store


def piece(text, offset=0, stream=Stream.STDOUT):
    return Piece(stream, offset, text, NOW)


def whole(stdout, **fields):
    given = {"stderr": "", "exit_code": 0, "started_at": NOW, "ended_at": NOW, "usage": None}
    return Whole(stdout=stdout, **{**given, **fields})


async def test_output_of_a_later_owner_stands(output, db):
    later = replace(ATTEMPT, fence=2)
    await output.replace(later, whole("$all of it"), chunks=False)
    await output.replace(ATTEMPT, whole("half"), chunks=False)
    kept = await db.output.find_one({})
    assert (kept["stdout"], kept["fence"], kept["attempt"]) == ("$all of it", 2, 1)


async def test_all_of_an_output_comes_in_place_of_its_chunks(output, db):
    await output.add(ATTEMPT, [piece("some "), piece("more", 5)], [])
    other = replace(ATTEMPT, step_id="b")
    await output.add(other, [piece("another step's")], [])
    usage = Usage(timedelta(seconds=0.5), 1024)
    await output.replace(ATTEMPT, whole("some more", usage=usage), chunks=True)
    kept = await db.output.find_one({})
    assert (kept["stdout"], kept["cut"]) == ("some more", False)
    assert kept["usage"] == {"cpu_s": 0.5, "memory": 1024}
    assert [each["step_id"] async for each in db.output_chunks.find()] == ["b"]


async def test_chunks_are_kept_once_and_those_in_the_middle_are_dropped(output, db):
    await output.add(ATTEMPT, [piece("a\0b"), piece("\ufffd", 3)], [])
    await output.add(ATTEMPT, [piece("a\0b"), piece("c", 6)], [(Stream.STDOUT, 3)])
    kept = [each["text"] async for each in db.output_chunks.find().sort("offset", 1)]
    assert kept == ["a\0b", "c"]


async def test_steps_that_were_written_late_are_stored_with_their_change(sessions, tmp_path):
    plan = drafted(library.whole(tmp_path))
    later = plan.model_copy(update={"id": uuid4()})
    document = later.model_dump(mode="json", exclude={"id"})
    await sessions.collection.insert_one({**document, "_id": later.id, "ticket_id": TICKET_ID})
    loaded = await sessions.load(later.id)
    move = over(begun(loaded), "look", hosts=["web-1"], leader="$x.y", count=1)
    assert await sessions.save(loaded.rev, move) is not None
    again = await sessions.load(later.id)
    assert again.step("clean[0]").run == "clean --keep=7 --leader '$x.y' web-1"
    assert again.steps == move.session.steps
    assert again.runs == move.session.runs


async def test_sessions_that_do_not_change_and_of_which_nothing_runs_are_found(sessions):
    loaded = await sessions.load(SESSION_ID)
    later = NOW + timedelta(minutes=1)
    assert await sessions.quiet(later) == [], "nobody has taken it on"
    await sessions.save(loaded.rev, begun(loaded))
    assert [each.id for each in await sessions.quiet(later)] == [SESSION_ID]
    assert await sessions.quiet(NOW) == []
    waiting = await sessions.load(SESSION_ID)
    await sessions.save(waiting.rev, approved(waiting, "a", "me", NOW))
    assert await sessions.quiet(later) == []


async def test_when_somebody_last_said_something_of_a_session_is_kept(sessions):
    loaded = await sessions.load(SESSION_ID)
    told = loaded.model_copy(update={"directed_at": NOW})
    await sessions.save(loaded.rev, Move(told, "me", NOW))
    assert (await sessions.load(SESSION_ID)).directed_at == NOW
