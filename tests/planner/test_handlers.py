"""The planner's handler, called as a function."""

from datetime import UTC, datetime

import pytest

from services.planner.handlers import plan, settle
from shared.events import Event, PlanChoiceNeeded, PlanReady, TicketEscalated
from shared.policy.stop import Stop
from shared.signing import ForgedDecisionError
from tests.planner.choices import TWO, chose
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


async def waiting(standing: Standing | None = None):
    """A store in which a ticket waits for a choice, and the desk that asked."""
    ticket, published, store = triaged(), Published(), FakeConclusions()
    store.tickets[ticket.ticket_id] = "triaged"
    table = desk(standing, *TWO)
    await plan(ticket, table, store, published)
    (needed,) = published
    assert isinstance(needed, PlanChoiceNeeded)
    question = await store.choice(needed.choice_id)
    assert question is not None
    return question, table, store


async def test_several_close_runbooks_are_asked_about_and_the_ticket_stays_triaged():
    question, _, store = await waiting()
    assert store.tickets[question.ticket.ticket_id] == "triaged"
    assert store.sessions == {}
    assert question.needed.expires_at > datetime.now(UTC)


async def test_a_redelivered_ticket_asks_the_same_question_though_one_could_be_planned_now():
    question, _, store = await waiting()
    published = Published()
    await plan(question.ticket, desk(), store, published)
    assert published == [question.needed]
    assert store.sessions == {}


async def test_the_chosen_runbook_is_planned_and_said_again_at_a_redelivery():
    question, table, store = await waiting()
    published = Published()
    said = chose(question, "two")
    for _ in range(2):
        await settle(said, table, store, published)
    first, again = published
    assert isinstance(first, PlanReady)
    assert (first.runbook.name, first.id) == ("two", again.id)
    assert store.tickets[question.ticket.ticket_id] == "planned"
    await plan(question.ticket, table, store, published)
    assert published[2].id == first.id


async def test_the_policy_judges_what_was_chosen_as_things_stand_then():
    standing = Standing()
    question, table, store = await waiting(standing)
    standing.stopped = Stop(by="ann", at=datetime(2030, 1, 2, tzinfo=UTC), reason="a move")
    published = Published()
    await settle(chose(question, "two"), table, store, published)
    (escalated,) = published
    assert isinstance(escalated, TicketEscalated)
    assert "Handrail is stopped: a move" in escalated.reason


async def test_none_of_them_escalates():
    question, table, store = await waiting()
    published = Published()
    await settle(chose(question, None), table, store, published)
    (escalated,) = published
    assert isinstance(escalated, TicketEscalated)
    assert store.tickets[question.ticket.ticket_id] == "escalated"


async def test_an_answer_for_a_ticket_that_has_moved_on_changes_nothing():
    question, table, store = await waiting()
    store.tickets[question.ticket.ticket_id] = "resolved"
    published = Published()
    await settle(chose(question, "two"), table, store, published)
    assert published == []
    assert store.sessions == {}


async def test_an_answer_to_what_nobody_asked_is_not_believed():
    question, table, _ = await waiting()
    with pytest.raises(ForgedDecisionError, match="nobody was asked"):
        await settle(chose(question, "two"), table, FakeConclusions(), Published())
