"""Locks, limits and breakers: whether there is room for a step that may begin."""

from uuid import UUID

import pytest

from services.executor.admission.verdict import Deny, Go, Hold
from services.executor.moves import Result
from shared.config.execution import AtOnce, Execution
from shared.lifecycle import Effect, Risk
from tests.executor.sessions import running, session, step
from tests.executor.wardens import ALERT, World, agreed, policy, verdict, warden

OTHER = UUID("33333333-3333-4333-8333-333333333333")


async def test_one_session_at_a_time_works_on_a_target():
    world = World()
    world.held["here"] = OTHER
    held = await verdict(world, of=await agreed())
    assert held == Hold(f"here is worked on by session {OTHER}", "lock here")
    looks = session(step("a", risk=Risk.LOW, effect=Effect.READ_ONLY), alert=ALERT)
    assert await verdict(world, of=looks) == Go()


@pytest.mark.parametrize(
    ("locks", "target"), [({"target": False}, {}), ({"target": True}, {"lock": False})]
)
async def test_a_lock_can_be_done_without(locks, target):
    world = World()
    world.held["here"], world.policy = OTHER, policy(locks=locks)
    assert await verdict(world, of=await agreed(), **target) == Go()


async def test_a_session_lets_go_of_its_targets_when_it_has_ended():
    world = World()
    of = await agreed()
    keeper = warden(world)
    await keeper.verdicts(of, ["a"])
    assert world.held == {"here": of.id}
    assert await keeper.finished(of) == ["lock here"]
    assert world.held == {}


async def test_what_a_session_has_locked_is_not_asked_for_again():
    world = World()
    of = await agreed()
    keeper = warden(world)
    await keeper.verdicts(of, ["a"])
    world.held["here"] = OTHER
    assert (await keeper.verdicts(of, ["a"]))["a"] == Go()
    await keeper.finished(of)
    assert isinstance((await keeper.verdicts(of, ["a"]))["a"], Hold)


async def test_the_places_of_a_step_that_ended_are_free_for_others():
    world, of = World(), await agreed()
    free = await warden(world, concurrency=1).ended(of, of.step("a"), Result(exit_code=0))
    assert free == ["target here"]


async def test_no_more_steps_of_a_session_run_at_once_than_may():
    few = Execution(at_once=AtOnce(session=1))
    steps = [step(name, risk=Risk.LOW) for name in "ab"]
    of = session(*steps, runs={"a": running()}, alert=ALERT)
    assert isinstance(await verdict(World(), of=of, step_id="b", execution=few), Hold)
    both = await warden(World(), execution=few).verdicts(session(*steps, alert=ALERT), ["a", "b"])
    assert (both["a"], type(both["b"])) == (Go(), Hold)


@pytest.mark.parametrize(
    ("execution", "target", "limit"),
    [
        (AtOnce(target=1), {}, "target here"),
        (AtOnce(), {"concurrency": 1}, "target here"),
        (AtOnce(service=1), {}, "service shop"),
    ],
)
async def test_no_more_steps_run_at_once_on_a_target_or_a_service_than_may(
    execution, target, limit
):
    world = World()
    world.places[limit] = {"another"}
    of = session(step("a", risk=Risk.LOW), alert=ALERT)
    given = {"execution": Execution(at_once=execution), **target}
    assert await verdict(world, of=of, **given) == Hold(
        f"1 steps run at once on {limit}: that is its limit", limit
    )
    world.places[limit] = set()
    keeper = warden(world, **given)
    assert (await keeper.verdicts(of, ["a"]))["a"] == Go()
    begun = of.with_run("a", running())
    await keeper.ended(begun.with_run("a", running(attempt=2)), of.step("a"), Result(exit_code=1))
    assert world.places[limit], "another attempt gives nothing back"
    await keeper.ended(begun, of.step("a"), Result(exit_code=0))
    assert world.places[limit] == set()


async def test_a_target_where_much_goes_wrong_is_left_alone_until_something_succeeds():
    world, of = World(), session(step("a", risk=Risk.LOW), alert=ALERT)
    keeper = warden(world)
    for _ in range(2):
        await keeper.ended(of, of.step("a"), Result(exit_code=1))
    assert "left alone until" in (await keeper.verdicts(of, ["a"]))["a"].reason
    await keeper.ended(of, of.step("a"), Result(exit_code=0))
    assert world.trouble == {}
    assert (await keeper.verdicts(of, ["a"]))["a"] == Go()


async def test_a_look_that_finds_nothing_is_no_trouble():
    world = World()
    of = session(step("a", effect=Effect.READ_ONLY), alert=ALERT)
    await warden(world).ended(of, of.step("a"), Result(exit_code=1))
    assert world.failures == []
    await warden(world).ended(of, of.step("a"), Result(reason="refused", trouble=True))
    assert world.failures == ["here"]


SMALL, GREAT = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("mine", "theirs", "verdict_"), [(GREAT, SMALL, Deny), (SMALL, GREAT, Hold)]
)
async def test_of_two_sessions_that_wait_for_each_other_one_gives_up(mine, theirs, verdict_):
    world = World()
    world.held["here"] = theirs
    world.waiting.add((theirs, mine))
    of = (await agreed()).model_copy(update={"id": mine})
    of = of.with_run("a", of.run("a").model_copy(update={"approval_id": _asked_of(of)}))
    assert isinstance(await verdict(world, of=of), verdict_)


def _asked_of(of):
    return of.approval_id(of.step("a"))


async def test_who_waits_for_one_that_waits_for_nobody_goes_on_waiting():
    world = World()
    world.held["here"] = SMALL
    of = (await agreed()).model_copy(update={"id": GREAT})
    of = of.with_run("a", of.run("a").model_copy(update={"approval_id": _asked_of(of)}))
    assert isinstance(await verdict(world, of=of), Hold)
