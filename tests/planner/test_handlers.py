"""The planner's handler, called as a function."""

from datetime import UTC, datetime

from services.planner.handlers import plan
from shared.events import Event, PlanReady, TicketEscalated
from shared.policy.stop import Stop
from tests.planner.fakes import FakeConclusions
from tests.planner.tickets import Standing, desk, triaged


class Published(list[Event]):
    async def __call__(self, *events: Event) -> None:
        self.extend(events)


async def test_a_plan_is_stored_and_published():
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "triaged"
    await plan(ticket, desk(), store, published)
    (ready,) = published
    assert isinstance(ready, PlanReady)
    assert store.tickets[ticket.ticket_id] == "planned"
    assert store.sessions == {ready.session_id: ready}


async def test_a_redelivery_publishes_what_was_stored_though_the_runbooks_have_changed():
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "triaged"
    await plan(ticket, desk(), store, published)
    await plan(ticket, desk(targets={}), store, published)
    first, again = published
    assert again == first
    assert store.tickets[ticket.ticket_id] == "planned"


async def test_a_ticket_without_a_plan_is_escalated():
    ticket, published, store = (
        triaged(name="MoonPhase", title="The moon is full"),
        Published(),
        FakeConclusions(),
    )
    store.tickets[ticket.ticket_id] = "triaged"
    await plan(ticket, desk(), store, published)
    (escalated,) = published
    assert isinstance(escalated, TicketEscalated)
    assert store.tickets[ticket.ticket_id] == "escalated"


async def test_nothing_is_said_of_a_ticket_that_has_moved_on():
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "resolved"
    await plan(ticket, desk(), store, published)
    assert published == []
    assert store.sessions == {}


async def test_while_everything_is_stopped_a_ticket_goes_to_a_person():
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "triaged"
    stop = Stop(by="ann", at=datetime(2030, 1, 2, tzinfo=UTC), reason="the network is changed")
    await plan(ticket, desk(Standing(stopped=stop)), store, published)
    (escalated,) = published
    assert "Handrail is stopped: the network is changed (ann, " in escalated.reason
    assert store.tickets[ticket.ticket_id] == "escalated"
