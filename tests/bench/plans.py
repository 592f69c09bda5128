"""How wide a plan and how many sessions an executor carries at once, and how many a second."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from shared.calls.wait import WaitFor
from shared.lifecycle import Effect, SessionState
from tests.bench.measure import Measure
from tests.bench.site import site
from tests.flows.fleet import Fleet, fleet_bus, step
from tests.flows.world import eventually

WIDE = 50
SESSIONS = 600
MANY = 600
COMMAND = "sleep 0.2"


async def fifty_wide() -> list[Measure]:
    """A plan of 50 steps that run at the same time and one after them, and the bare commands."""
    async with _executor() as fleet:
        await fleet.ended(await fleet.plan(step("warm", "true")))
        names = [f"wide-{number}" for number in range(WIDE)]
        began = time.perf_counter()
        plan = await fleet.plan(
            *(step(name, COMMAND) for name in names), step("after", "true", *names)
        )
        assert await fleet.ended(plan) == "succeeded"
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        await asyncio.gather(*(_bare() for _ in names))
        floor = time.perf_counter() - began
    return [Measure("plan_50_wide_s", seconds, "s", "", floor, seconds / floor)]


async def in_flight() -> list[Measure]:
    """How many sessions one executor has under way at once, of those that it is given."""
    wait = WaitFor(duration=timedelta(hours=1)).text()
    async with _executor() as fleet:
        for _ in range(SESSIONS):
            await fleet.plan(step("wait", wait, uses="wait", target="", effect=Effect.READ_ONLY))

        def running() -> int:
            return fleet.db.sessions.count_documents({"runs.wait.state": "running"})

        await eventually(lambda: running() == SESSIONS, 300)
        count = running()
    return [Measure("sessions_in_flight", count, "", ">= 500")]


async def three_steps() -> list[Measure]:
    """Sessions of three local steps, one after the other, with an executor for each core.

    Each session is about a target of its own: on one target, one session works at a time.
    """
    targets = {f"job-{number}": {"connector": "local"} for number in range(MANY)}
    async with _executor(targets) as fleet:
        await fleet.start()
        await fleet.ended(await fleet.plan(step("warm", "true")))
        # Telling of the plans is not the executors' work.
        fleet.signal(signal.SIGSTOP)
        for target in targets:
            one = step("one", "true", target=target)
            two = step("two", "true", "one", target=target)
            await fleet.plan(one, two, step("three", "true", "two", target=target))
        fleet.signal(signal.SIGCONT)
        began = time.perf_counter()
        done = {"state": SessionState.SUCCEEDED.value, "steps.id": "three"}
        await eventually(lambda: fleet.db.sessions.count_documents(done) == MANY, 300)
        per_s = MANY / (time.perf_counter() - began)
    return [Measure("sessions_per_s", per_s, "/s", ">= 60")]


@asynccontextmanager
async def _executor(targets: Mapping[str, Any] | None = None) -> AsyncIterator[Fleet]:
    async with site() as (world, _floor):
        at_once = {"execution": {"at_once": {"session": WIDE}}}
        world.write_config(at_once, here={"connector": "local"}, **(targets or {}))
        bus = fleet_bus(world.nats_url)
        await bus.connect()
        fleet = Fleet(world, bus)
        try:
            await fleet.start()
            yield fleet
        finally:
            await fleet.close()
            await bus.stop()


async def _bare() -> None:
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", COMMAND)
    await process.wait()
