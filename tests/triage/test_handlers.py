"""A new ticket comes in, a verdict goes out."""

from uuid import uuid4

import pytest

from services.triage.evidence import Gathered
from services.triage.handlers import judge, judge_again
from shared.events import TicketClosed, TicketCreated, TicketReopened, TicketTriaged
from shared.lifecycle import Severity, TicketState, Verdict
from tests.triage.fakes import FakeGatherer, FakeTickets, Published
from tests.triage.test_verdict import FREE, LOOK, alert

UNASKED = FakeGatherer()


@pytest.fixture
def tickets():
    return FakeTickets()


async def new(tickets, **fields):
    ticket = TicketCreated(id=uuid4(), ticket_id=uuid4(), alert=alert(**fields))
    await tickets.put(ticket.ticket_id, TicketState.NEW)
    return ticket


async def test_a_problem_is_passed_on_with_its_alert_and_the_reasons(tickets):
    ticket, published = await new(tickets), Published()
    await judge(ticket, tickets, UNASKED, published)
    (said,) = published.events
    assert isinstance(said, TicketTriaged)
    assert (said.ticket_id, said.alert) == (ticket.ticket_id, ticket.alert)
    assert (said.verdict, said.severity) == (Verdict.TRUE, Severity.P1)
    assert said.reasons


async def test_a_false_alarm_is_closed(tickets):
    ticket, published = await new(tickets, name="Watchdog"), Published()
    await judge(ticket, tickets, UNASKED, published)
    (said,) = published.events
    assert isinstance(said, TicketClosed)
    assert said.verdict is Verdict.FALSE


async def test_a_redelivery_says_the_same_again(tickets):
    ticket, published = await new(tickets), Published()
    await judge(ticket, tickets, UNASKED, published)
    await judge(ticket, tickets, UNASKED, published)
    first, second = published.events
    assert first.model_dump(exclude={"time"}) == second.model_dump(exclude={"time"})


async def test_a_ticket_that_moved_on_is_not_told_of(tickets):
    ticket, published = await new(tickets), Published()
    await tickets.put(ticket.ticket_id, TicketState.RESOLVED)
    await judge(ticket, tickets, UNASKED, published)
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
    await judge_again(back, tickets, UNASKED, published)
    (said,) = published.events
    assert isinstance(said, TicketTriaged)
    assert said.reasons[-1] == "it was reopened: it fires again"
    assert said.flapping is flapping


async def test_what_was_over_when_it_was_told_and_fires_by_now_is_no_false_alarm(tickets):
    ticket, published = await new(tickets, status="resolved"), Published()
    await tickets.fire(ticket.ticket_id)
    for _ in range(2):
        await judge(ticket, tickets, UNASKED, published)
    first, second = published.events
    assert isinstance(first, TicketTriaged)
    assert first.model_dump(exclude={"time"}) == second.model_dump(exclude={"time"})


async def test_what_was_gathered_is_told_and_kept(tickets):
    ticket, published = await new(tickets), Published()
    gatherer = FakeGatherer(LOOK, found=Gathered({"disk_free": 3}, (FREE,)))
    await judge(ticket, tickets, gatherer, published)
    (said,) = published.events
    assert said.evidence == {"disk_free": 3}
    assert said.looked == (FREE,)


async def test_a_redelivery_looks_at_nothing_and_says_what_was_found_at_first(tickets):
    ticket, published = await new(tickets), Published()
    await judge(ticket, tickets, FakeGatherer(LOOK, found=Gathered({"load": 1})), published)
    again = FakeGatherer(LOOK, found=Gathered({"load": 2}, refuting=("load is 2",)))
    await judge(ticket, tickets, again, published)
    first, second = published.events
    assert again.gathered == 0
    assert first.model_dump(exclude={"time"}) == second.model_dump(exclude={"time"})


async def test_of_two_that_judge_at_once_both_say_what_the_first_found(tickets):
    ticket, published = await new(tickets), Published()

    class Slow(FakeGatherer):
        async def gather(self, looks, alert):
            await judge(ticket, tickets, FakeGatherer(LOOK, found=Gathered({"a": 1})), published)
            return Gathered({"a": 2})

    await judge(ticket, tickets, Slow(LOOK), published)
    assert [said.evidence for said in published.events] == [{"a": 1}, {"a": 1}]


async def test_evidence_that_refutes_an_alert_closes_its_ticket(tickets):
    ticket, published = await new(tickets), Published()
    found = Gathered({"disk_free": 63}, (FREE,), refuting=("disk_free is 63 now",))
    await judge(ticket, tickets, FakeGatherer(LOOK, found=found), published)
    (said,) = published.events
    assert isinstance(said, TicketClosed)
    assert said.looked == (FREE,)
    assert said.reasons[0] == "disk_free is 63 now"


async def test_a_false_alarm_by_its_own_words_is_not_looked_at(tickets):
    ticket, gatherer = await new(tickets, name="Watchdog"), FakeGatherer(LOOK)
    await judge(ticket, tickets, gatherer, Published())
    assert gatherer.gathered == 0


async def test_what_comes_back_is_looked_at_again(tickets):
    ticket, published = await new(tickets), Published()
    await judge(ticket, tickets, FakeGatherer(LOOK, found=Gathered({"load": 1})), published)
    back = TicketReopened(
        id=uuid4(), ticket_id=ticket.ticket_id, reason="again", alert=ticket.alert, count=2
    )
    await tickets.put(ticket.ticket_id, TicketState.REOPENED)
    await judge_again(back, tickets, FakeGatherer(LOOK, found=Gathered({"load": 2})), published)
    assert [said.evidence for said in published.events] == [{"load": 1}, {"load": 2}]


async def test_what_another_ticket_is_planned_for_is_not_looked_at(tickets):
    ticket, gatherer = await new(tickets), FakeGatherer(LOOK)
    led = ticket.model_copy(update={"parent_id": uuid4()})
    await judge(led, tickets, gatherer, Published())
    assert gatherer.gathered == 0
