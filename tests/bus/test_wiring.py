"""What a handler gets beside its event."""

from typing import Annotated

import pytest
from faststream import Context

from shared.bus import Publish, PublishDep, Router, consumes
from shared.bus.wiring import wired
from shared.events import TicketCreated, TicketTriaged
from tests.bus.samples import created, make_bus, triaged

StoreDep = Annotated[list[str], Context("store")]


async def test_a_dependency_is_found_by_the_name_in_its_annotation_or_its_own():
    async def handle(event, tickets: StoreDep, clock: object, note: str = "as it is") -> None:
        tickets.append(f"{event} {clock} {note}")

    store = []
    await wired(handle, {"store": store, "clock": "noon", "unused": 1})("x")
    assert store == ["x noon as it is"]


def test_a_missing_dependency_is_told_when_the_handler_is_attached():
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def judge(event: TicketCreated, store: StoreDep) -> None: ...

    with pytest.raises(TypeError, match="judge needs 'store', which was not attached"):
        make_bus("triage", "nats://localhost:1").attach(router, {})


async def test_a_handler_stays_a_plain_function():
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def judge(event: TicketCreated, publish: PublishDep) -> None:
        await publish(triaged(event))

    out = []

    async def publish(*events):
        out.extend(events)

    event = created()
    await judge(event, publish)
    assert out == [triaged(event)] or out[0].id == triaged(event).id


async def test_handlers_lead_to_handlers_through_the_publish_that_they_get(running, seen):
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def judge(event: TicketCreated, publish: Publish) -> None:
        await publish(triaged(event))

    @consumes(router, TicketTriaged, by="planner")
    async def plan(event: TicketTriaged) -> None:
        await seen.add(event.ticket_id)

    bus = await running("triage", router)
    event = created()
    await bus.publish(event)
    assert await seen.count(1) == [event.ticket_id]
