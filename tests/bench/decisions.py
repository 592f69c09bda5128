"""From a person's click to the step that runs."""

import asyncio
import time

import nats
from pydantic import SecretStr

from services.notifier.links import Channel, Link, url
from shared.signing import Signer
from tests.bench.latency import RUNBOOK
from tests.bench.load import post_all, request
from tests.bench.measure import Measure, percentile
from tests.bench.site import site, start_all
from tests.flows.world import SECRET, eventually

DECISIONS = 60
# The decision, the claim, and the two events that tell of them.
WRITES, EVENTS = 2, 2


async def decision_to_start() -> list[Measure]:
    """One decision after the other: from the POST to `step.started`, as any subscriber sees it."""
    async with site() as (world, floor):
        world.write_runbook(text=RUNBOOK)
        # Each decision is about a session of its own: none waits for the one before it to end.
        world.write_config(here={"connector": "local", "lock": False})
        await start_all(world)
        webhooks = [request(f"job-{number}") for number in range(DECISIONS)]
        await post_all(world.ports["ingest"], webhooks, 8)
        sent = {"recipients.status": "sent"}
        await eventually(lambda: world.db.approvals.count_documents(sent) == DECISIONS, 120)
        client = await nats.connect(world.nats_url)
        started: asyncio.Queue[float] = asyncio.Queue()

        async def note(_message) -> None:
            started.put_nowait(time.perf_counter())

        await client.subscribe("step.started", cb=note)
        await client.flush()
        times = []
        for approval in list(world.db.approvals.find()):
            began = time.perf_counter()
            # The step begins before the page is there that says so.
            answer = await world.answer(_link(world, approval))
            assert answer.status_code == 200, answer.text
            async with asyncio.timeout(20):
                times.append((await started.get() - began) * 1000)
        await client.close()
        bare = await _bare(floor)
    p95, floor95 = percentile(times, 0.95), percentile(bare, 0.95)
    return [
        Measure(
            "decision_latency_ms_p95", p95, "ms", "<= 100", floor95, p95 / floor95, tuple(times)
        )
    ]


def _link(world, approval) -> str:
    link = Link.to(
        approval["_id"],
        approval["step_hash"],
        approval["expires_at"],
        recipient="oncall@example.com",
        channel=Channel.EMAIL,
    )
    key = Signer(SecretStr(SECRET)).link_key()
    return url(link, key=key, public_url=world.url("notifier", ""))


async def _bare(floor) -> list[float]:
    times = []
    for _ in range(DECISIONS):
        began = time.perf_counter()
        for _step in range(WRITES):
            await floor.write()
            await asyncio.gather(*(floor.publish() for _ in range(EVENTS // WRITES)))
        times.append((time.perf_counter() - began) * 1000)
    return times
