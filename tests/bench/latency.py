"""From the webhook to the question: how long until a person can be asked."""

import asyncio
import time

import nats

from tests.bench.load import exchange, request
from tests.bench.measure import Measure, percentile
from tests.bench.site import site, start_all

TICKETS, PER_SECOND = 300, 20

RUNBOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: flow, title: One dangerous step}}
description: What the way to the question costs.
match: {{alerts: [FlowDown]}}
steps:
  - {{id: one, uses: local, target: here, run: 'true', risk: high}}
verify:
  - {{uses: local, target: here, run: 'true', within: 20s}}
"""
# What the way cannot do without: ingest, triage, planner (session, ticket) and executor write, and
# four events are published, one after the other.
WRITES, EVENTS = 5, 4


async def webhook_to_question() -> list[Measure]:
    """Tickets at a steady 20 a second; from the first byte sent to `step.awaiting_approval`."""
    async with site() as (world, floor):
        world.write_runbook(text=RUNBOOK)
        await start_all(world)
        client = await nats.connect(world.nats_url)
        asked: dict[str, float] = {}
        done = asyncio.Event()

        async def note(message) -> None:
            asked.setdefault(message.headers["ce-subject"], time.perf_counter())
            if len(asked) >= TICKETS + 20:
                done.set()

        await client.subscribe("step.awaiting_approval", cb=note)
        sent = await _steady(world.ports["ingest"], TICKETS + 20)
        async with asyncio.timeout(120):
            await done.wait()
        await client.close()
        tickets = {
            ticket["alert"]["labels"]["job"]: str(ticket["_id"])
            for ticket in world.db.tickets.find()
        }
        # The first ones warm connections and caches.
        times = [(asked[tickets[job]] - at) * 1000 for job, at in list(sent.items())[20:]]
        bare = await _bare(floor)
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    floor50, floor99 = percentile(bare, 0.5), percentile(bare, 0.99)
    return [
        Measure("approval_latency_ms_p50", p50, "ms", "<= 30", floor50, p50 / floor50),
        Measure("approval_latency_ms_p99", p99, "ms", "<= 250", floor99, p99 / floor99),
    ]


async def _steady(port: int, count: int) -> dict[str, float]:
    sent: dict[str, float] = {}

    async def post(job: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        wanted = request(job)
        sent[job] = time.perf_counter()
        await exchange(reader, writer, wanted)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(post(f"job-{number}"))
            await asyncio.sleep(1 / PER_SECOND)
    return sent


async def _bare(floor) -> list[float]:
    times = []
    for _ in range(TICKETS):
        began = time.perf_counter()
        for step in range(WRITES):
            await floor.write()
            if step < EVENTS:
                await floor.publish()
        times.append((time.perf_counter() - began) * 1000)
    return times
