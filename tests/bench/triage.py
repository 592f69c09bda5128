"""From `ticket.created` to `ticket.triaged`, with nothing to look at."""

import asyncio
import signal
import time
from uuid import uuid4

import nats

from shared.bus.streams import stream_of
from shared.events import Alert, AlertStatus, TicketCreated, TicketTriaged
from shared.lifecycle import Severity
from tests.bench.load import side_by_side
from tests.bench.measure import Measure, rate
from tests.bench.site import site
from tests.flows.world import eventually

TICKETS = 2_000
RUNS = 3


async def judged() -> list[Measure]:
    """How many tickets a second one triage judges, of those that wait for it."""
    async with site("triage") as (world, floor):
        client = await nats.connect(world.nats_url)
        runs = [await _run(world, client.jetstream()) for _ in range(RUNS)]
        await client.close()

        async def bare(_number: int) -> None:
            await floor.write()
            await floor.publish()

        floors = [TICKETS / await side_by_side(TICKETS, 32, bare) for _ in range(RUNS)]
    return [rate("triage_per_s", ">= 300", runs, floors)]


async def _run(world, js) -> float:
    """Tickets and their events are there before the first one is judged."""
    world.processes["triage"].send_signal(signal.SIGSTOP)
    tickets = [_created(number) for number in range(TICKETS)]
    world.db.tickets.insert_many(
        [{"_id": ticket.ticket_id, "state": "new", "firing": ["a"]} for ticket in tickets]
    )
    for at in range(0, TICKETS, 100):
        await asyncio.gather(*(_publish(js, ticket) for ticket in tickets[at : at + 100]))
    done = await _judged_so_far(js) + TICKETS
    began = time.perf_counter()
    world.processes["triage"].send_signal(signal.SIGCONT)

    async def all_judged() -> bool:
        return await _judged_so_far(js) >= done

    await eventually(all_judged, 300)
    return TICKETS / (time.perf_counter() - began)


async def _publish(js, ticket) -> None:
    await js.publish(ticket.subject, ticket.body(), headers=ticket.headers(source="ingest"))


async def _judged_so_far(js) -> int:
    subject = TicketTriaged.subject
    info = await js.stream_info(stream_of(subject), subjects_filter=subject)
    return (info.state.subjects or {}).get(subject, 0)


def _created(number: int) -> TicketCreated:
    job = f"job-{number}"
    return TicketCreated(
        id=uuid4(),
        ticket_id=uuid4(),
        alert=Alert(
            source="alertmanager",
            name="TargetDown",
            status=AlertStatus.FIRING,
            fingerprint=uuid4().hex,
            title=f"{job} does not answer",
            severity=Severity.P2,
            labels={"alertname": "TargetDown", "job": job, "instance": f"{job}:9100"},
            annotations={"summary": f"{job} does not answer"},
        ),
    )
