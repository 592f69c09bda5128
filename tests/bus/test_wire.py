"""What other systems see: CloudEvents in NATS binary mode."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

from shared.bus import Router, consumes
from shared.events import TicketCreated
from tests.bus.samples import alert, created


async def test_a_plain_subscriber_sees_the_attributes_as_headers_and_the_data_as_json(
    client, running
):
    bus = await running("ingest")
    subscription = await client.subscribe("ticket.created")
    await client.flush()
    event = TicketCreated(
        id=uuid4(), ticket_id=uuid4(), time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), alert=alert()
    )

    await bus.publish(event)
    message = await subscription.next_msg()

    traceparent = message.headers.pop("traceparent")
    assert len(traceparent.split("-")) == 4
    assert message.headers == {
        "ce-specversion": "1.0",
        "ce-id": str(event.id),
        "ce-type": "handrail.ticket.created",
        "ce-source": "/handrail/ingest",
        "ce-subject": str(event.ticket_id),
        "ce-time": "2026-01-02T03:04:05+00:00",
        "content-type": "application/json",
        "Nats-Msg-Id": str(event.id),
        "Nats-Expected-Stream": "TICKETS",
    }
    body = json.loads(message.data)
    assert set(body) == {"ticket_id", "alert", "parent_id", "grouped_because"}
    assert body["alert"]["labels"] == {"job": "web", "instance": "web-1:80"}


async def test_what_was_published_is_what_a_handler_gets(running, seen):
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def keep(event: TicketCreated) -> None:
        await seen.add(event)

    bus = await running("triage", router)
    event = created()
    await bus.publish(event)
    assert await seen.count(1) == [event]


async def test_fields_of_a_newer_writer_are_ignored(js, running, seen):
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def keep(event: TicketCreated) -> None:
        await seen.add(event)

    await running("triage", router)
    event = created()
    newer = {**json.loads(event.body()), "mood": "bad"}
    newer["alert"]["colour"] = "red"
    headers = {**event.headers(source="ingest"), "ce-newattribute": "1"}
    await js.publish(event.subject, json.dumps(newer).encode(), headers=headers)
    assert await seen.count(1) == [event]


async def test_several_events_are_all_stored_when_publish_returns(js, running):
    bus = await running("ingest")
    await bus.publish(*(created() for _ in range(50)))
    assert (await js.stream_info("TICKETS")).state.messages == 50


async def test_each_message_is_handled_by_one_of_two_replicas(running, seen):
    async def replica(name):
        router = Router()

        @consumes(router, TicketCreated, by="triage", workers=2)
        async def keep(event: TicketCreated) -> None:
            await seen.add((name, event.id))
            await asyncio.sleep(0)

        return await running("triage", router)

    bus = await replica("one")
    await replica("two")
    events = [created() for _ in range(200)]
    await bus.publish(*events)
    handled = await seen.count(200)
    assert sorted(id_ for _, id_ in handled) == sorted(event.id for event in events)
    assert {name for name, _ in handled} == {"one", "two"}
