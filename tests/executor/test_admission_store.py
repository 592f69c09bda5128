"""Locks, places, breakers and artifacts in a real MongoDB."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.executor.admission.breaker import Threshold
from services.executor.admission.store import (
    MongoArtifacts,
    MongoBreakers,
    MongoHistory,
    MongoLocks,
)
from services.executor.moves import Move
from services.executor.session import Run
from services.executor.store import MongoSessions
from shared.credentials.sealing import under
from shared.lifecycle import SessionState, StepState
from tests.executor.sessions import NOW, TICKET_ID, session, step

ONE, TWO = uuid4(), uuid4()
NEW, OLD = SecretStr("n" * 32), SecretStr("o" * 32)
LIMIT = Threshold(2, timedelta(minutes=10), timedelta(minutes=1))


@pytest.fixture
def locks(db):
    return MongoLocks(db)


async def test_a_target_is_taken_by_one_session_however_many_want_it(locks):
    wanting = [uuid4() for _ in range(20)]
    answers = await asyncio.gather(*(locks.take(["web"], each) for each in wanting))
    assert sum(answer is None for answer in answers) == 1


async def test_whoever_has_a_target_may_take_it_again_and_others_are_told_who_has_it(locks):
    assert await locks.take(["web"], ONE) is None
    assert await locks.take(["web"], ONE) is None
    assert await locks.take(["web"], TWO) == ("web", ONE)
    await locks.release(ONE)
    assert await locks.take(["web"], TWO) is None


async def test_who_cannot_have_all_has_none(locks):
    await locks.take(["b"], ONE)
    assert await locks.take(["c", "b", "a"], TWO) == ("b", ONE)
    assert await locks.take(["a", "c"], ONE) is None


async def test_two_that_want_the_same_two_never_wait_for_each_other(locks):
    for _ in range(10):
        answers = await asyncio.gather(locks.take(["a", "b"], ONE), locks.take(["b", "a"], TWO))
        assert answers.count(None) == 1, answers
        await locks.release(ONE)
        await locks.release(TWO)


async def test_what_a_session_left_behind_that_has_ended_is_free_again(db, locks):
    await db.sessions.insert_one({"_id": ONE, "state": "failed"})
    await db.sessions.insert_one({"_id": TWO, "state": "running"})
    await locks.take(["a"], ONE)
    await locks.take(["b"], TWO)
    assert await locks.sweep() == 1
    assert await locks.take(["a"], TWO) is None
    assert await locks.take(["b"], ONE) == ("b", TWO)


async def test_a_limit_has_so_many_places_whoever_comes_at_once(locks):
    keys = [f"{uuid4()}/a" for _ in range(20)]
    entered = await asyncio.gather(*(locks.enter("target web", 3, key) for key in keys))
    assert sum(entered) == 3
    inside = [key for key, came in zip(keys, entered, strict=True) if came]
    assert await locks.enter("target web", 3, inside[0]), "it has its place already"
    await locks.leave(["target web"], inside[0])
    assert await locks.enter("target web", 3, keys[-1] + "x")


async def test_places_of_steps_that_do_not_run_are_given_back(db, locks):
    runs = {"a": {"state": "running", "attempt": 2}, "b": {"state": "succeeded", "attempt": 1}}
    await db.sessions.insert_one({"_id": ONE, "state": "running", "runs": runs})
    for key in ("1/a", "2/a", "1/b", "1/c"):
        await locks.enter("target web", 9, f"{ONE}/{key}")
    await locks.enter("target web", 9, f"{TWO}/1/a")
    assert await locks.sweep_places() == 3
    kept = (await db.places.find_one({}))["keys"]
    assert kept == [f"{ONE}/2/a", f"{ONE}/1/c"], "c is let in, and about to be stored"
    runs["c"] = {"state": "succeeded", "attempt": 1}
    await db.sessions.update_one({"_id": ONE}, {"$set": {"runs": runs}})
    assert await locks.sweep_places() == 1
    assert not await locks.enter("target web", 1, f"{TWO}/x"), "a still runs"


async def test_failures_that_are_noted_at_once_all_count(db):
    breakers = MongoBreakers(db)
    await asyncio.gather(*(breakers.failed("web", NOW, LIMIT) for _ in range(5)))
    breaker = (await breakers.all())["web"]
    assert (len(breaker.failures), breaker.opened) == (2, 1)
    assert breaker.is_open(NOW)
    await breakers.succeeded("web")
    assert await breakers.all() == {}


async def test_an_artifact_is_kept_sealed_and_comes_back_as_it_was(db):
    artifacts = MongoArtifacts(db, under([NEW]))
    digest = await artifacts.keep(b"saved plan with hunter2", NOW)
    assert await artifacts.load(digest) == b"saved plan with hunter2"
    assert b"hunter2" not in (await db.artifacts.find_one({}))["sealed"]
    assert await artifacts.load("0" * 64) is None


async def test_the_changes_that_began_on_a_target_are_counted_and_no_others(db):
    def run(minutes_ago):
        return {"attempt": 1, "started_at": (NOW - timedelta(minutes=minutes_ago)).isoformat()}

    steps = [
        {"id": "a", "target": "web", "effect": "once"},
        {"id": "b", "target": "web", "effect": "idempotent"},
        {"id": "look", "target": "web", "effect": "read_only"},
        {"id": "c", "target": "db", "effect": "once"},
        {"id": "d", "target": "web", "effect": "once"},
        {"id": "e", "target": "web", "effect": "once"},
    ]
    runs = {"a": run(1), "b": run(2), "look": run(1), "c": run(1), "d": run(90), "e": {}}
    await db.sessions.insert_one({"_id": ONE, "updated_at": NOW, "steps": steps, "runs": runs})
    history, since = MongoHistory(db), NOW - timedelta(hours=1)
    assert await history.begun_on("web", since, without="") == 2
    assert await history.begun_on("web", since, without=f"{ONE}/a") == 1


async def test_who_waits_for_whom_is_seen_by_what_sessions_are_held_on(db, locks):
    sessions = MongoSessions(db)
    of = session(step("a"), state=SessionState.WAITING, begun_at=NOW)
    plan = of.model_dump(mode="json", exclude={"id", "untold"})
    await sessions.collection.insert_one({**plan, "_id": of.id, "ticket_id": TICKET_ID})
    waits = Run(state=StepState.READY, held="ONE works there", held_on="lock web")
    await sessions.save(0, Move(of.with_run("a", waits), "me", NOW))
    assert not await locks.waits_for(of.id, ONE), "nobody has it"
    await locks.take(["web"], ONE)
    await locks.take(["db"], TWO)
    assert await locks.waits_for(of.id, ONE)
    assert not await locks.waits_for(of.id, TWO)
    assert not await locks.waits_for(ONE, of.id)


async def test_artifacts_outlive_a_change_of_the_secret(db):
    digest = await MongoArtifacts(db, under([OLD])).keep(b"saved plan", NOW)
    both = MongoArtifacts(db, under([NEW, OLD]))
    assert await both.load(digest) == b"saved plan"
    await both.rekey()
    assert await MongoArtifacts(db, under([NEW])).load(digest) == b"saved plan"
    assert await MongoArtifacts(db, under([OLD])).load(digest) is None


async def test_it_is_told_of_how_many_artifacts_no_key_opens(db):
    await MongoArtifacts(db, under([OLD])).keep(b"lost", NOW)
    await MongoArtifacts(db, under([NEW])).keep(b"found", NOW)
    assert await MongoArtifacts(db, under([NEW])).rekey() == (1, 1)
