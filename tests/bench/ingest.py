"""Webhooks accepted durably."""

from tests.bench.load import post_all, request
from tests.bench.measure import Measure, rate
from tests.bench.site import site

RUNS = 3
SINGLES = 1_500
GROUPS, GROUP = 60, 50
CONNECTIONS = 32


async def accepted() -> list[Measure]:
    """One alert a webhook, and in groups of 50; each run is followed by one of the floor."""
    singles, single_floors, grouped, grouped_floors = [], [], [], []
    async with site("ingest") as (world, floor):
        port = world.ports["ingest"]
        await post_all(port, [request(f"warm-{n}") for n in range(200)], CONNECTIONS)
        for run in range(RUNS):
            webhooks = [request(f"single-{run}-{n}") for n in range(SINGLES)]
            singles.append(SINGLES / await post_all(port, webhooks, CONNECTIONS))
            single_floors.append(await floor.accepts_per_s(SINGLES, CONNECTIONS))
            webhooks = [
                request(*(f"group-{run}-{n}-{k}" for k in range(GROUP))) for n in range(GROUPS)
            ]
            grouped.append(GROUPS * GROUP / await post_all(port, webhooks, 8))
            grouped_floors.append(await floor.accepts_per_s(GROUPS, 8, GROUP))
    single = rate("ingest_single_per_s", ">= 400", singles, single_floors)
    return [
        single,
        rate("ingest_grouped_per_s", ">= 1,500", grouped, grouped_floors),
        Measure("ingest_cost_ratio", single.ratio or 0.0, "x", "<= 2.0"),
    ]
