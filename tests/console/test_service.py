"""The recorder as it runs, on a real store and a real bus."""

from contextlib import AsyncExitStack
from uuid import uuid4

import nats
import pytest
from pymongo import ASCENDING

from deploy.ports import free_port
from services.console.app import Settings, build
from services.console.chain import first_break
from services.console.store import entry_from
from shared.events import (
    Alert,
    AlertStatus,
    SessionStarted,
    TicketEscalated,
    TicketReopened,
)
from tests.running import running, until


@pytest.fixture
def settings(stack, db):
    def make():
        return Settings(
            nats_url=stack.nats_url,
            mongo_url=stack.mongo_url,
            mongo_database=db.name,
            console_port=free_port(0),
        )

    return make


ALERT = Alert(
    source="test", name="Down", status=AlertStatus.FIRING, fingerprint="f" * 32, title="It is down"
)


def reopened(ticket_id, reason):
    return TicketReopened(id=uuid4(), ticket_id=ticket_id, reason=reason, alert=ALERT, count=1)


def life(ticket_id):
    """Some events of several families about one ticket."""
    session = uuid4()
    return (
        SessionStarted(id=uuid4(), ticket_id=ticket_id, session_id=session, runbook="r"),
        TicketEscalated(id=uuid4(), ticket_id=ticket_id, title="t", reason="r"),
        *(reopened(ticket_id, str(n)) for n in range(8)),
    )


async def timeline(db, ticket_id):
    found = db.timeline.find({"ticket_id": ticket_id}).sort("seq", ASCENDING)
    return [entry_from(document) async for document in found]


async def complete(db, ticket_id, length):
    kept = await timeline(db, ticket_id)
    return kept if len(kept) == length else None


async def test_the_life_of_a_ticket_is_recorded_by_two_recorders_in_one_chain(db, settings):
    tickets = [uuid4() for _ in range(3)]
    async with AsyncExitStack() as replicas:
        services = [build(settings()) for _ in range(2)]
        for service in services:
            await replicas.enter_async_context(running(service))
        for ticket_id in tickets:
            await services[0].bus.publish(*life(ticket_id))
        for ticket_id in tickets:
            kept = await until(lambda id_=ticket_id: complete(db, id_, 10))
            assert first_break(kept) is None


async def test_events_that_nobody_knows_and_strangers_words_do_not_stop_it(stack, db, settings):
    ticket_id = uuid4()
    client = await nats.connect(stack.nats_url)
    async with running(service := build(settings())):
        js = client.jetstream()
        await js.publish("ticket.nonsense", b"\xff\x00 not an event")
        headers = {"ce-id": str(uuid4()), "ce-subject": str(ticket_id)}
        await js.publish("feedback.invented", b'{"why": "\\ud800"}', headers=headers)
        await service.bus.publish(reopened(ticket_id, "it came back"))
        kept = await until(lambda: complete(db, ticket_id, 2))
    await client.close()
    assert {entry.what for entry in kept} == {"feedback.invented", "reopened: It is down"}
    assert first_break(kept) is None
