"""Two executors that share no files: what one leaves behind when it dies, the other one mends."""

import os
import signal

import pytest

from shared.lifecycle import Effect
from tests.flows.fleet import installation, step
from tests.flows.world import eventually
from tests.sshd import openssh


@pytest.fixture(scope="module")
async def two(stack, tmp_path_factory):
    """An installation with a host that both machines reach."""
    async with openssh(tmp_path_factory.mktemp("ssh")) as endpoint:
        targets = {"here": {"connector": "local"}, "web": endpoint.section()}
        folder = tmp_path_factory.mktemp("two")
        async with installation(folder, stack.mongo_url, "two", targets) as made:
            yield made


async def left_behind(two, *steps):
    """A session whose steps were begun on a machine that is gone; another machine is there."""
    here = await two.start(home="one")
    session_id = await two.plan(*steps)
    for each in steps:
        await two.until(session_id, **{each.id: "running"})
        await two.stays(each.id)
    await two.start(home="two")
    await two.kill(here)
    return session_id


def run_of(two, session_id, step_id):
    return two.session(session_id)["runs"][step_id]


async def gone(two):
    for number in list(two.running):
        await two.kill(number)


async def test_what_may_run_twice_runs_again_on_the_other_machine(two):
    go_on = two.work / "go-on"
    run = f"echo $$ > {two.work}/again.pid; {two.counting('again')}; "
    run += f"until [ -e {go_on} ]; do sleep 0.1; done"
    session_id = await left_behind(two, step("again", run, effect=Effect.IDEMPOTENT))
    await eventually(lambda: two.counted().count("again") == 2, seconds=120)
    go_on.touch()
    assert await two.ended(session_id) == "succeeded"
    again = run_of(two, session_id, "again")
    assert (again["attempt"], again["recoveries"], again["reattached"]) == (2, 1, False)
    await gone(two)


async def test_what_may_run_only_once_is_unknown_and_asked_about(two):
    session_id = await left_behind(two, step("once", two.staying("once")))
    await two.until(session_id, once="unknown")
    once = run_of(two, session_id, "once")
    assert once["question_id"]
    assert "which is gone" in once["reason"]
    assert two.counted().count("once") == 1
    os.kill(two.pid("once"), signal.SIGKILL)
    await gone(two)


async def test_a_command_on_a_host_is_attached_to_from_the_other_machine(two):
    go_on = two.work / "let-go"
    run = f"echo $$ > {two.work}/there.pid; {two.counting('there')}; "
    run += f"until [ -e {go_on} ]; do sleep 0.1; done; echo ended; exit 0"
    session_id = await left_behind(two, step("there", run, uses="ssh", target="web"))
    await eventually(lambda: run_of(two, session_id, "there")["fence"] == 2, seconds=120)
    go_on.touch()
    assert await two.ended(session_id) == "succeeded"
    there = run_of(two, session_id, "there")
    assert (there["attempt"], there["reattached"], there["output"]) == (1, True, "ended")
    assert two.counted().count("there") == 1
    await gone(two)
