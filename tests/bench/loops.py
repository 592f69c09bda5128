"""The whole loop: from the webhook to `resolved`, with three local steps.

Each ticket is about a target of its own: on one target, one session works at a time.
"""

import time

from tests.bench.load import post_all, request, side_by_side
from tests.bench.measure import Measure
from tests.bench.site import site, start_all
from tests.flows.world import eventually

TICKETS = 300
# Ingest 1, triage 1, planner 2, executor 5, verifier 2; and the events that tell of them.
WRITES, EVENTS = 11, 13

RUNBOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: flow, title: Three local steps}}
description: What the loop costs.
match: {{alerts: [FlowDown]}}
params:
  job: {{from: labels.job, required: true, pattern: '^[a-z0-9-]+$'}}
steps:
  - {{id: one, uses: local, target: '{{{{ job }}}}', run: 'true', risk: low}}
  - {{id: two, needs: [one], uses: local, target: '{{{{ job }}}}', run: 'true', risk: low}}
  - {{id: three, needs: [two], uses: local, target: '{{{{ job }}}}', run: 'true', risk: low}}
verify:
  - {{uses: local, target: '{{{{ job }}}}', run: 'true', within: 20s}}
"""


async def whole() -> list[Measure]:
    """How many loops a second, and how that compares with the bare writes and publishes."""
    async with site() as (world, floor):
        world.write_config(**{f"job-{n}": {"connector": "local"} for n in range(TICKETS)})
        world.write_runbook(text=RUNBOOK)
        await start_all(world)
        began = time.perf_counter()
        webhooks = [request(f"job-{number}") for number in range(TICKETS)]
        await post_all(world.ports["ingest"], webhooks, 16)
        await eventually(
            lambda: world.db.tickets.count_documents({"state": "resolved"}) == TICKETS, 300
        )
        per_s = TICKETS / (time.perf_counter() - began)

        async def bare(_number: int) -> None:
            for step in range(EVENTS):
                if step < WRITES:
                    await floor.write()
                await floor.publish()

        floor_per_s = TICKETS / await side_by_side(TICKETS, 16, bare)
    ratio = floor_per_s / per_s
    return [
        Measure("loop_per_s", per_s, "/s", ">= 60", floor_per_s, ratio),
        Measure("loop_cost_ratio", ratio, "x", "<= 2.0"),
    ]
