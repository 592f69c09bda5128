"""The contract of the planner's store, on the fake and on MongoDB."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import pytest

from services.planner.store import MongoConclusions
from shared.events import PlanReady, TicketEscalated
from shared.store import Database
from tests.planner.choices import choice
from tests.planner.fakes import FakeConclusions
from tests.planner.tickets import planner, triaged

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


class World(Protocol):
    """A store, and what else happens to its tickets."""

    conclusions: Any

    async def ticket(self, state: str) -> UUID: ...
    async def becomes(self, ticket_id: UUID, state: str) -> None: ...
    async def goes_under(self, ticket_id: UUID, parent_id: UUID) -> None: ...
    async def state(self, ticket_id: UUID) -> str | None: ...
    async def sessions(self) -> list[UUID]: ...


class FakeWorld:
    def __init__(self) -> None:
        self.conclusions = FakeConclusions()

    async def ticket(self, state):
        ticket_id = uuid4()
        self.conclusions.tickets[ticket_id] = state
        return ticket_id

    async def becomes(self, ticket_id, state):
        self.conclusions.tickets[ticket_id] = state

    async def goes_under(self, ticket_id, parent_id):
        self.conclusions.parents[ticket_id] = parent_id

    async def state(self, ticket_id):
        return self.conclusions.tickets.get(ticket_id)

    async def sessions(self):
        return list(self.conclusions.sessions)


class MongoWorld:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.conclusions = MongoConclusions(db)

    async def ticket(self, state):
        ticket_id = uuid4()
        await self.db.tickets.insert_one({"_id": ticket_id, "state": state})
        return ticket_id

    async def becomes(self, ticket_id, state):
        await self.db.tickets.update_one({"_id": ticket_id}, {"$set": {"state": state}})

    async def goes_under(self, ticket_id, parent_id):
        await self.db.tickets.update_one({"_id": ticket_id}, {"$set": {"parent_id": parent_id}})

    async def state(self, ticket_id):
        found = await self.db.tickets.find_one({"_id": ticket_id})
        return found["state"] if found else None

    async def sessions(self):
        return [found["_id"] async for found in self.db.sessions.find()]


@pytest.fixture(params=["fake", "mongo"])
def world(request) -> World:
    return FakeWorld() if request.param == "fake" else MongoWorld(request.getfixturevalue("db"))


def concluded(ticket_id: UUID, **fields):
    """A ticket's event, and what the planner makes of it."""
    ticket = triaged(ticket_id, **fields)
    return planner().conclude(ticket), ticket.id


async def test_a_plan_moves_the_ticket_and_begins_a_session(world):
    ticket_id = await world.ticket("triaged")
    plan, cause = concluded(ticket_id)
    assert await world.conclusions.keep(plan, caused_by=cause, now=NOW) == plan
    assert await world.state(ticket_id) == "planned"
    assert await world.sessions() == [plan.session_id]


async def test_the_same_event_again_gets_the_plan_that_was_stored(world):
    ticket_id = await world.ticket("triaged")
    plan, cause = concluded(ticket_id)
    await world.conclusions.keep(plan, caused_by=cause, now=NOW)
    changed = plan.model_copy(update={"reasons": ("another text",)})
    again = await world.conclusions.keep(changed, caused_by=cause, now=NOW)
    assert again is not None
    assert again.body() == plan.body()
    assert again.id == plan.id
    assert await world.sessions() == [plan.session_id]


async def test_a_plan_that_was_stored_stands_though_it_could_not_be_made_any_more(world):
    ticket_id = await world.ticket("triaged")
    plan, cause = concluded(ticket_id)
    await world.conclusions.keep(plan, caused_by=cause, now=NOW)
    escalation = TicketEscalated(id=uuid4(), ticket_id=ticket_id, title="x", reason="y")
    again = await world.conclusions.keep(escalation, caused_by=cause, now=NOW)
    assert isinstance(again, PlanReady)
    assert await world.state(ticket_id) == "planned"


@pytest.mark.parametrize("state", ["resolved", "closed", "escalated", "new", "planned"])
async def test_a_ticket_that_is_not_triaged_gets_no_session(world, state):
    ticket_id = await world.ticket(state)
    plan, cause = concluded(ticket_id)
    assert await world.conclusions.keep(plan, caused_by=cause, now=NOW) is None
    assert await world.state(ticket_id) == state
    assert await world.sessions() == []


async def test_a_ticket_that_is_not_there_gets_no_session(world):
    plan, cause = concluded(uuid4())
    assert await world.conclusions.keep(plan, caused_by=cause, now=NOW) is None
    assert await world.sessions() == []


@pytest.mark.parametrize("known", [{}, {"name": "MoonPhase", "title": "The moon is full"}])
async def test_a_ticket_under_a_parent_is_neither_planned_nor_escalated(world, known):
    ticket_id = await world.ticket("triaged")
    await world.goes_under(ticket_id, uuid4())
    made, cause = concluded(ticket_id, **known)
    assert await world.conclusions.keep(made, caused_by=cause, now=NOW) is None
    assert await world.state(ticket_id) == "triaged"
    assert await world.sessions() == []


async def test_a_plan_is_told_again_also_when_its_ticket_was_put_under_a_parent_meanwhile(world):
    ticket_id = await world.ticket("triaged")
    plan, cause = concluded(ticket_id)
    await world.conclusions.keep(plan, caused_by=cause, now=NOW)
    await world.goes_under(ticket_id, uuid4())
    again = await world.conclusions.keep(plan, caused_by=cause, now=NOW)
    assert again is not None
    assert again.id == plan.id


async def test_a_ticket_that_another_event_planned_keeps_that_plan(world):
    ticket_id = await world.ticket("triaged")
    first, cause = concluded(ticket_id)
    await world.conclusions.keep(first, caused_by=cause, now=NOW)
    second, other = concluded(ticket_id)
    assert await world.conclusions.keep(second, caused_by=other, now=NOW) is None
    assert await world.sessions() == [first.session_id]


async def test_the_plan_is_told_again_also_when_the_ticket_has_gone_on_from_it(world):
    ticket_id = await world.ticket("triaged")
    plan, cause = concluded(ticket_id)
    await world.conclusions.keep(plan, caused_by=cause, now=NOW)
    await world.becomes(ticket_id, "in_progress")
    again = await world.conclusions.keep(plan, caused_by=cause, now=NOW)
    assert again is not None
    assert again.id == plan.id
    assert await world.state(ticket_id) == "in_progress"


async def test_an_escalation_moves_the_ticket_and_is_told_again(world):
    ticket_id = await world.ticket("triaged")
    escalation, cause = concluded(ticket_id, name="MoonPhase", title="The moon is full")
    for _ in range(2):
        kept = await world.conclusions.keep(escalation, caused_by=cause, now=NOW)
        assert isinstance(kept, TicketEscalated)
        assert kept.id == escalation.id
        assert kept.body() == escalation.body()
    assert await world.state(ticket_id) == "escalated"
    assert await world.sessions() == []


async def test_an_escalation_leaves_a_ticket_that_moved_on_alone(world):
    ticket_id = await world.ticket("resolved")
    escalation, cause = concluded(ticket_id, name="MoonPhase", title="The moon is full")
    assert await world.conclusions.keep(escalation, caused_by=cause, now=NOW) is None
    assert await world.state(ticket_id) == "resolved"


async def test_of_deliveries_side_by_side_all_tell_one_plan(world):
    ticket_id = await world.ticket("triaged")
    plan, cause = concluded(ticket_id)
    kept = await asyncio.gather(
        *(world.conclusions.keep(plan, caused_by=cause, now=NOW) for _ in range(8))
    )
    assert {one and one.id for one in kept} == {plan.id}
    assert await world.sessions() == [plan.session_id]


async def asked_of(world):
    """A ticket that waits for a choice."""
    question = choice(await world.ticket("triaged"))
    cause = question.ticket.id
    assert await world.conclusions.keep(question, caused_by=cause, now=NOW) == question.needed
    return question


async def test_a_ticket_that_waits_for_a_choice_stays_triaged(world):
    question = await asked_of(world)
    assert await world.state(question.ticket.ticket_id) == "triaged"
    assert await world.sessions() == []


async def test_a_choice_is_found_as_it_was_asked(world):
    question = await asked_of(world)
    found = await world.conclusions.choice(question.id)
    assert found == question
    assert found.needed.digest == question.needed.digest
    assert await world.conclusions.choice(uuid4()) is None


async def test_the_same_event_again_asks_what_was_asked_though_a_plan_could_be_made(world):
    question = await asked_of(world)
    cause = question.ticket.id
    for other in (question.plans[0], question):
        again = await world.conclusions.keep(other, caused_by=cause, now=NOW)
        assert again == question.needed
    assert await world.sessions() == []


async def test_what_was_chosen_moves_the_ticket_and_is_told_again(world):
    question = await asked_of(world)
    plan = question.plans[1]
    for _ in range(2):
        kept = await world.conclusions.settle(plan, question, now=NOW)
        assert kept is not None
        assert kept.id == plan.id
    assert await world.state(question.ticket.ticket_id) == "planned"
    assert await world.sessions() == [plan.session_id]
    again = await world.conclusions.keep(question, caused_by=question.ticket.id, now=NOW)
    assert isinstance(again, PlanReady)
    assert again.id == plan.id


@pytest.mark.parametrize("state", ["resolved", "closed", "escalated"])
async def test_what_was_chosen_for_a_ticket_that_moved_on_starts_nothing(world, state):
    question = await asked_of(world)
    await world.becomes(question.ticket.ticket_id, state)
    assert await world.conclusions.settle(question.plans[0], question, now=NOW) is None
    again = await world.conclusions.keep(question, caused_by=question.ticket.id, now=NOW)
    assert again is None
    assert await world.state(question.ticket.ticket_id) == state
    assert await world.sessions() == []


async def test_what_was_chosen_for_a_ticket_under_a_parent_starts_nothing(world):
    question = await asked_of(world)
    await world.goes_under(question.ticket.ticket_id, uuid4())
    assert await world.conclusions.settle(question.plans[0], question, now=NOW) is None
    assert await world.sessions() == []


async def test_an_answer_to_an_earlier_question_of_a_ticket_starts_nothing(world):
    first = await asked_of(world)
    second = choice(first.ticket.ticket_id)
    cause = second.ticket.id
    assert await world.conclusions.keep(second, caused_by=cause, now=NOW) == second.needed
    assert await world.conclusions.settle(first.plans[0], first, now=NOW) is None
    assert await world.sessions() == []


async def test_a_ticket_says_which_choice_it_waits_for_until_when(db):
    world = MongoWorld(db)
    question = await asked_of(world)
    expires = question.needed.expires_at
    ticket = await db.tickets.find_one({"_id": question.ticket.ticket_id})
    assert ticket["choice"] == {"id": question.id, "asked_at": NOW, "expires_at": expires}
    await world.conclusions.settle(question.plans[0], question, now=NOW)
    assert "choice" not in await db.tickets.find_one({"_id": question.ticket.ticket_id})


async def test_a_session_is_stored_as_the_executor_reads_it(db):
    world = MongoWorld(db)
    ticket_id = await world.ticket("triaged")
    plan, cause = concluded(ticket_id)
    await world.conclusions.keep(plan, caused_by=cause, now=NOW)
    stored = await db.sessions.find_one()
    assert stored is not None
    assert stored == {
        "_id": plan.session_id,
        "schema": 1,
        "ticket_id": ticket_id,
        "state": "planned",
        "rev": 0,
        "created_at": NOW,
        "caused_by": cause,
        "ticket_title": "Shop is down",
        "severity": "P1",
        "alert": plan.alert.model_dump(mode="json"),
        "runbook": plan.runbook.model_dump(mode="json"),
        "params": {"service": "shop", "host": "web-1"},
        "values": {},
        "origins": {"host": "label instance", "service": "label job"},
        "evidence": {},
        "timeout": None,
        "reasons": list(plan.reasons),
        "found_by": "rule",
        "steps": [step.model_dump(mode="json") for step in plan.steps],
        "verify": [check.model_dump(mode="json") for check in plan.verify],
        "runs": {},
        "trace": stored["trace"],
    }
    ticket = await db.tickets.find_one({"_id": ticket_id})
    assert ticket == {
        "_id": ticket_id,
        "state": "planned",
        "session_id": plan.session_id,
        "planned_by": cause,
        "updated_at": NOW,
    }


async def test_the_indexes_are_made_once_however_often_they_are_asked_for(db):
    conclusions = MongoConclusions(db)
    await asyncio.gather(conclusions.prepare(), conclusions.prepare())
    assert set(await db.sessions.index_information()) == {"_id_", "ticket", "state"}
