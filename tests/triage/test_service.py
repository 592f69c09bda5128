"""Triage as it runs, on a real store and a real bus."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from deploy.ports import free_port
from services.triage.app import Settings, build
from shared.events import TicketCreated
from tests.running import running, streams, until
from tests.triage.test_verdict import alert


@pytest.fixture
async def triage(stack, db):
    """A running triage."""
    service = build(
        Settings(
            nats_url=stack.nats_url,
            mongo_url=stack.mongo_url,
            mongo_database=db.name,
            triage_port=free_port(0),
        )
    )
    async with running(service):
        yield service


@pytest.fixture
async def on_stream(stack, triage):
    async with streams(stack.nats_url) as found:
        await found.skip_to_now()
        yield found


async def opened(db, **fields):
    ticket = TicketCreated(id=uuid4(), ticket_id=uuid4(), alert=alert(**fields))
    await db.tickets.insert_one(
        {"_id": ticket.ticket_id, "state": "new", "created_at": datetime.now(UTC)}
    )
    return ticket


async def test_a_problem_is_judged_and_passed_on(triage, db, on_stream):
    ticket = await opened(db)
    await triage.bus.publish(ticket)
    await until(lambda: on_stream.of_ticket(ticket.ticket_id, "ticket.triaged"))
    assert (await db.tickets.find_one({"_id": ticket.ticket_id}))["state"] == "triaged"


async def test_a_false_alarm_is_judged_and_closed(triage, db, on_stream):
    ticket = await opened(db, name="Watchdog")
    await triage.bus.publish(ticket)
    await until(lambda: on_stream.of_ticket(ticket.ticket_id, "ticket.closed"))
    assert (await db.tickets.find_one({"_id": ticket.ticket_id}))["state"] == "closed"


async def test_a_ticket_that_is_announced_twice_is_judged_once(triage, db, on_stream):
    ticket, after = await opened(db), await opened(db)
    # A second copy that the stream does not know, as after its window of duplicates.
    await triage.bus.publish(ticket)
    await until(lambda: on_stream.of_ticket(ticket.ticket_id, "ticket.triaged"))
    await on_stream.js.publish(
        ticket.subject,
        ticket.body(),
        headers={**ticket.headers(source="ingest"), "Nats-Msg-Id": str(uuid4())},
    )
    await triage.bus.publish(after)
    await until(lambda: on_stream.of_ticket(after.ticket_id, "ticket.triaged"))
    assert len(await on_stream.of_ticket(ticket.ticket_id, "ticket.triaged")) == 1
