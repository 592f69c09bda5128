"""A new ticket comes in, a verdict goes out."""

from uuid import uuid4

import pytest

from services.triage.handlers import judge, judge_again
from shared.events import TicketClosed, TicketCreated, TicketReopened, TicketTriaged
from shared.lifecycle import Severity, TicketState, Verdict
from tests.triage.fakes import FakeTickets, Published
from tests.triage.test_verdict import alert


@pytest.fixture
def tickets():
    return FakeTickets()


async def new(tickets, **fields):
    ticket = TicketCreated(id=uuid4(), ticket_id=uuid4(), alert=alert(**fields))
    await tickets.put(ticket.ticket_id, TicketState.NEW)
    return ticket


async def test_a_problem_is_passed_on_with_its_alert_and_the_reasons(tickets):
    ticket, published = await new(tickets), Published()
    await judge(ticket, tickets, published)
    (said,) = published.events
    assert isinstance(said, TicketTriaged)
    assert (said.ticket_id, said.alert) == (ticket.ticket_id, ticket.alert)
    assert (said.verdict, said.severity) == (Verdict.TRUE, Severity.P1)
    assert said.reasons


async def test_a_false_alarm_is_closed(tickets):
    ticket, published = await new(tickets, name="Watchdog"), Published()
    await judge(ticket, tickets, published)
    (said,) = published.events
    assert isinstance(said, TicketClosed)
    assert said.verdict is Verdict.FALSE


async def test_a_redelivery_says_the_same_again(tickets):
    ticket, published = await new(tickets), Published()
    await judge(ticket, tickets, published)
    await judge(ticket, tickets, published)
    first, second = published.events
    assert first.model_dump(exclude={"time"}) == second.model_dump(exclude={"time"})


async def test_a_ticket_that_moved_on_is_not_told_of(tickets):
    ticket, published = await new(tickets), Published()
    await tickets.put(ticket.ticket_id, TicketState.RESOLVED)
    await judge(ticket, tickets, published)
    assert published.events == []


@pytest.mark.parametrize("flapping", [False, True])
async def test_what_comes_back_is_judged_again_and_says_so(tickets, flapping):
    ticket, published = await new(tickets), Published()
    back = TicketReopened(
        id=uuid4(),
        ticket_id=ticket.ticket_id,
        reason="it fires again",
        alert=ticket.alert,
        count=2,
        flapping=flapping,
    )
    await tickets.put(ticket.ticket_id, TicketState.REOPENED)
    await judge_again(back, tickets, published)
    (said,) = published.events
    assert isinstance(said, TicketTriaged)
    assert said.reasons[-1] == "it was reopened: it fires again"
    assert said.flapping is flapping


async def test_what_was_over_when_it_was_told_and_fires_by_now_is_no_false_alarm(tickets):
    ticket, published = await new(tickets, status="resolved"), Published()
    await tickets.fire(ticket.ticket_id)
    for _ in range(2):
        await judge(ticket, tickets, published)
    first, second = published.events
    assert isinstance(first, TicketTriaged)
    assert first.model_dump(exclude={"time"}) == second.model_dump(exclude={"time"})
