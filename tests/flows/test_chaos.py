"""kill -9 of executors at any moment: what ran, ran once, and every session comes to its end.

HANDRAIL_CHAOS_SESSIONS says how many sessions run, HANDRAIL_CHAOS_SEED when executors die.
"""

import asyncio
import os
from collections import Counter
from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest

from services.executor.session import Session
from shared.events import Directive, Join, OnFailure
from shared.policy.stop import Stop
from tests.flows.fleet import ENDED, installation, step
from tests.flows.world import eventually

SESSIONS = int(os.environ.get("HANDRAIL_CHAOS_SESSIONS", "40"))
SEED = os.environ.get("HANDRAIL_CHAOS_SEED") or str(uuid4())
TARGETS = [f"host-{number}" for number in range(24)]
DEATHS = max(6, SESSIONS // 8)
#: How many seconds after the last plan came an executor dies, and how often another one is ready
#: before the next one dies.
LIVES, ALONE = (0.0, 1.5), 0.8


@pytest.fixture(scope="module")
async def fleet(stack, tmp_path_factory):
    """An installation of its own, on one of the run's databases; its executors come and go."""
    targets = {name: {"connector": "local"} for name in ("here", *TARGETS)}
    folder = tmp_path_factory.mktemp("chaos")
    async with installation(folder, stack.mongo_url, "chaos", targets) as made:
        await made.start()
        yield made


def three(fleet, number):
    """Steps that count themselves: one, then two at the same time."""
    target, naps = TARGETS[number % len(TARGETS)], ("0", "0.2", "0.7")
    needs = {"one": (), "two": ("one",), "three": ("one",)}
    for at, (name, needed) in enumerate(needs.items()):
        nap = naps[(number + at) % len(naps)]
        run = f"{fleet.counting(f'{number}/{name}')}; sleep {nap}"
        yield step(name, run, *needed, target=target)


async def killing(fleet, random):
    """Plans come in, and executors die with them in their hands; the ids of their sessions."""
    plans = []
    async with asyncio.TaskGroup() as group:
        for death in range(DEATHS):
            while len(plans) < SESSIONS * (death + 1) / DEATHS:
                plans.append(await fleet.plan(*three(fleet, len(plans))))
            await asyncio.sleep(random.uniform(*LIVES))
            starting = group.create_task(fleet.start())
            if fleet.running:
                await fleet.kill(random.choice(sorted(fleet.running)))
            if random.random() < ALONE:
                await starting
    return plans


def asked(fleet):
    """The sessions that wait for somebody to say what became of a step."""
    return {
        document["_id"]
        for document in fleet.db.sessions.find({"state": "waiting"})
        if any(
            run["state"] == "unknown" and run["question_id"] for run in document["runs"].values()
        )
    }


@pytest.mark.timeout(60 + 10 * SESSIONS)
async def test_every_step_runs_once_however_often_executors_die(fleet):
    print(f"HANDRAIL_CHAOS_SEED={SEED}")  # noqa: T201 what a failure is repeated with
    await fleet.start()
    plans = await killing(fleet, Random(SEED))

    def settled():
        ended = fleet.db.sessions.count_documents({"state": {"$in": ENDED}})
        return ended + len(asked(fleet)) == SESSIONS

    await eventually(settled, seconds=60 + 5 * SESSIONS)
    runs = dict(enumerate(map(fleet.states, plans)))
    counted = Counter(fleet.counted())
    wrong = {
        name: (times, state)
        for number, states in runs.items()
        for step_id, state in states.items()
        if (times := counted[name := f"{number}/{step_id}"]) != 1
        and not (state == "unknown" and times == 0)
        and not (state == "skipped" and times == 0)
    }
    unknown = sum(state == "unknown" for states in runs.values() for state in states.values())
    print(f"{DEATHS} died; {unknown} of {3 * SESSIONS} steps are unknown")  # noqa: T201
    assert wrong == {}
    await nothing_is_left(fleet)


async def nothing_is_left(fleet):
    """No lock of a session that has ended, no place, no claim, no event that was not told."""
    open_ = set(asked(fleet))
    await eventually(
        lambda: {lock["session_id"] for lock in fleet.db.target_locks.find()} <= open_, seconds=90
    )
    await eventually(lambda: not fleet.db.places.count_documents({"keys.0": {"$exists": True}}), 90)
    await eventually(lambda: not fleet.db.sessions.count_documents({"outbox.0": {"$exists": True}}))
    assert not fleet.db.sessions.count_documents({"owners": {"$exists": True}})


async def test_an_executor_dies_between_its_claim_and_the_start(fleet):
    fleet.db.switches.insert_one(stopped())
    await fleet.replace_all()
    plan = await fleet.plan(step("a", fleet.counting("between")))
    await fleet.until(plan, a="running")
    await fleet.replace_all()
    fleet.db.switches.delete_many({})
    assert await fleet.ended(plan) == "succeeded"
    assert fleet.counted().count("between") == 1


async def test_a_session_is_ended_whose_executor_died(fleet):
    plan = await fleet.plan(step("a", fleet.staying("orphan")), step("b", "true", "a"))
    await fleet.stays("orphan")
    await asyncio.gather(*(fleet.kill(number) for number in list(fleet.running)))
    await fleet.direct(plan, Directive.CANCEL, reason="the test says so")
    assert not fleet.is_gone("orphan")
    await fleet.start()
    assert await fleet.ended(plan) == "cancelled"
    assert fleet.is_gone("orphan")
    assert fleet.states(plan) == {"a": "failed", "b": "skipped"}


async def test_a_session_is_paused_whose_executor_died_and_goes_on_when_it_may(fleet):
    go = fleet.work / "go"
    wait = f"{fleet.counting('paused')}; while ! test -e {go}; do sleep 0.05; done"
    plan = await fleet.plan(step("a", wait), step("b", fleet.counting("resumed"), "a"))
    await eventually(lambda: "paused" in fleet.counted(), 90)
    await asyncio.gather(*(fleet.kill(number) for number in list(fleet.running)))
    await fleet.direct(plan, Directive.PAUSE)
    await fleet.start()
    await eventually(lambda: fleet.session(plan)["paused"], 90)
    go.touch()
    await fleet.until(plan, a="succeeded")
    await fleet.replace_all()
    assert "resumed" not in fleet.counted()
    await fleet.direct(plan, Directive.RESUME)
    assert await fleet.ended(plan) == "succeeded"
    assert [fleet.counted().count(name) for name in ("paused", "resumed")] == [1, 1]


async def test_what_is_tried_again_does_not_do_again_what_was_done(fleet):
    mend = fleet.work / "mended"
    fails = f"{fleet.counting('tried')}; test -e {mend}"
    plan = await fleet.plan(step("a", fleet.counting("done")), step("b", fails, "a"))
    assert await fleet.ended(plan) == "failed"
    mend.touch()
    await asyncio.gather(*(fleet.kill(number) for number in list(fleet.running)))
    await fleet.direct(plan, Directive.RETRY)
    await fleet.start()
    again = await eventually(lambda: fleet.db.sessions.find_one({"retry_of": str(plan)}), 90)
    assert await fleet.ended(again["_id"]) == "succeeded"
    assert [fleet.counted().count(name) for name in ("done", "tried")] == [1, 2]


async def test_who_loses_a_race_is_ended_on_its_target(fleet):
    after = step("after", "true", "slow", "fast", join=Join.FIRST)
    plan = await fleet.plan(
        step("slow", fleet.staying("loser")),
        step("fast", f"while ! test -s {fleet.work}/loser.pid; do sleep 0.05; done"),
        after,
    )
    assert await fleet.ended(plan) == "succeeded"
    assert fleet.is_gone("loser")
    assert fleet.states(plan) == {"slow": "failed", "fast": "succeeded", "after": "succeeded"}


async def test_a_session_that_takes_too_long_ends_what_runs(fleet):
    plan = await fleet.plan(step("a", fleet.staying("long")), timeout=timedelta(seconds=3))
    await fleet.stays("long")
    await fleet.replace_all()
    assert await fleet.ended(plan) == "failed"
    assert fleet.is_gone("long")
    assert "too long" in Session.model_validate({**fleet.session(plan), "id": plan}).run("a").reason


async def test_what_was_done_is_taken_back_although_the_executor_died(fleet):
    go = fleet.work / "fail"
    fails = f"touch {fleet.work}/failing; while ! test -e {go}; do sleep 0.05; done; exit 3"
    plan = await fleet.plan(
        step("a", fleet.counting("do"), rollback=fleet.counting("undo")),
        step("b", fails, "a", on_failure=OnFailure.ROLLBACK),
    )
    await eventually((fleet.work / "failing").exists, 90)
    await fleet.replace_all()
    go.touch()
    assert await fleet.ended(plan) == "failed"
    assert [fleet.counted().count(name) for name in ("do", "undo")] == [1, 1]
    assert fleet.states(plan) == {"a": "rolled_back", "b": "failed", "undo:a": "succeeded"}


def stopped():
    said = Stop(by="ann@example.com", reason="the test says so", at="2026-03-01T03:00:00Z")
    return {"_id": "stop", **said.model_dump(), "schema": 1}
