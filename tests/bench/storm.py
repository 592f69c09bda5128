"""A storm: many alerts on few problems, as fast as they go, to one process of ingest."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path

from tests.bench.load import post_all, posted
from tests.bench.measure import Measure
from tests.bench.site import site
from tests.flows.world import alert, notification

PROBLEMS = 200
# Singles and groups, as senders mix them; together 100,000 alerts, the same number on each problem.
SINGLES = 20_000
GROUPS, GROUP = 1_600, 50
ALERTS = SINGLES + GROUPS * GROUP
CONNECTIONS = 128
# When all code, connections and buffers that the storm needs are there.
SETTLED = 0.2
_SAMPLE_SECONDS = 0.1
_MIB = 1024 * 1024
_PAGE = 4096


@dataclass
class Storm:
    """The webhooks of the storm; ``sent`` counts the alerts that are on their way."""

    sent: int = 0
    grown: list[tuple[int, float]] = field(default_factory=list)

    def webhooks(self) -> Iterator[bytes]:
        """Each webhook, made when it is wanted: all of them would fill the memory."""
        alerts = [_written(f"storm-{n}") for n in range(PROBLEMS)]
        head, tail = json.dumps(notification(alert("all"))).encode().split(_written("all"))
        for size in _sizes():
            numbers = range(self.sent, self.sent + size)
            self.sent += size
            yield posted(head + b", ".join(alerts[n % PROBLEMS] for n in numbers) + tail)

    async def watch(self, pid: int) -> None:
        """Note how much memory a process has while the storm goes on."""
        while True:
            self.grown.append((self.sent, resident_mib(pid)))
            await asyncio.sleep(_SAMPLE_SECONDS)

    def growth(self) -> float:
        """MiB that were added at the most once the storm had settled."""
        settled = [mib for sent, mib in self.grown if sent >= SETTLED * ALERTS]
        return max(settled) - settled[0]


def _written(job: str) -> bytes:
    return json.dumps(alert(job)).encode()


def _sizes() -> Iterator[int]:
    """How many alerts each webhook has, well mixed."""
    a_group_after = SINGLES // GROUPS
    parts = (chain(repeat(1, a_group_after), (GROUP,)) for _ in range(GROUPS))
    yield from chain.from_iterable(parts)
    yield from repeat(1, SINGLES - a_group_after * GROUPS)


def resident_mib(pid: int) -> float:
    """What a process holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / _MIB


async def collapsed() -> list[Measure]:
    """How fast a storm is taken in, what becomes of it, and how much memory that takes."""
    storm = Storm()
    async with site("ingest") as (world, _):
        watching = asyncio.create_task(storm.watch(world.processes["ingest"].pid))
        seconds = await post_all(world.ports["ingest"], storm.webhooks(), CONNECTIONS)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        counts = [ticket["count"] for ticket in world.db.tickets.find({}, {"count": 1})]
    return [
        Measure("storm_alerts_per_s", ALERTS / seconds, "/s", ">= 1,500"),
        Measure("storm_tickets", len(counts), "", "= 200"),
        Measure("storm_counted", sum(counts), "", "= 100,000"),
        Measure("storm_rss_growth_mb", storm.growth(), "MiB", "<= 32"),
    ]
