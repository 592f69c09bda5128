"""The planner's handler, called as a function."""

from services.planner.handlers import plan
from shared.events import Event, PlanReady, TicketEscalated
from tests.planner.fakes import FakeConclusions
from tests.planner.tickets import planner, triaged


class Published(list[Event]):
    async def __call__(self, *events: Event) -> None:
        self.extend(events)


async def test_a_plan_is_stored_and_published():
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "triaged"
    await plan(ticket, planner(), store, published)
    (ready,) = published
    assert isinstance(ready, PlanReady)
    assert store.tickets[ticket.ticket_id] == "planned"
    assert store.sessions == {ready.session_id: ready}


async def test_a_redelivery_publishes_what_was_stored_though_the_runbooks_have_changed():
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "triaged"
    await plan(ticket, planner(), store, published)
    await plan(ticket, planner(targets={}), store, published)
    first, again = published
    assert again == first
    assert store.tickets[ticket.ticket_id] == "planned"


async def test_a_ticket_without_a_plan_is_escalated():
    ticket, published, store = triaged(name="Unknown"), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "triaged"
    await plan(ticket, planner(), store, published)
    (escalated,) = published
    assert isinstance(escalated, TicketEscalated)
    assert store.tickets[ticket.ticket_id] == "escalated"


async def test_nothing_is_said_of_a_ticket_that_has_moved_on():
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "resolved"
    await plan(ticket, planner(), store, published)
    assert published == []
    assert store.sessions == {}
