"""What came of tickets, as the verifier keeps it: one contract, on the fake and on MongoDB."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.verifier.store import WITHOUT_PLAN, MongoTickets
from shared.events import CheckResult, Resolution, TicketEscalated, TicketResolved
from shared.lifecycle import TICKET_FROM, TicketState
from tests.verifier.fakes import FakeTickets

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
CHECKS = (CheckResult(check="c", passed=True, detail="d", tries=2, at=NOW),)


class OnMongo(MongoTickets):
    """The store, and what a test has to see and do beside it."""

    async def put(self, ticket_id, state, *, over=False):
        fields = {
            "state": state.value,
            "source_resolved_at": NOW if over else None,
        }
        await self._tickets.update_one({"_id": ticket_id}, {"$set": fields}, upsert=True)

    async def seen(self, ticket_id):
        ticket = await self._tickets.find_one({"_id": ticket_id})
        return TicketState(ticket["state"])


@pytest.fixture(params=["fake", "mongo"])
def tickets(request):
    return FakeTickets() if request.param == "fake" else OnMongo(request.getfixturevalue("db"))


async def put(tickets, state, **fields):
    ticket_id = uuid4()
    await tickets.put(ticket_id, state, **fields)
    return ticket_id


def resolved(ticket_id, resolution=Resolution.VERIFIED):
    return TicketResolved(
        id=uuid4(),
        time=NOW,
        ticket_id=ticket_id,
        title="t",
        session_id=uuid4(),
        resolution=resolution,
        summary="s",
        checks=CHECKS,
    )


def escalated(ticket_id):
    return TicketEscalated(
        id=uuid4(), time=NOW, ticket_id=ticket_id, title="t", reason="r", tried=("a",)
    )


async def verifying(tickets, cause):
    ticket_id = await put(tickets, TicketState.IN_PROGRESS)
    assert await tickets.verifying(ticket_id, caused_by=cause, now=NOW) == NOW
    return ticket_id


@pytest.mark.parametrize("state", TicketState)
async def test_a_verification_begins_after_a_plan(tickets, state):
    ticket_id = await put(tickets, state)
    begins = state in TICKET_FROM[TicketState.VERIFYING]
    since = await tickets.verifying(ticket_id, caused_by=uuid4(), now=NOW)
    assert since == (NOW if begins else None)
    assert await tickets.seen(ticket_id) is (TicketState.VERIFYING if begins else state)


async def test_a_verification_goes_on_from_when_it_began(tickets):
    cause = uuid4()
    ticket_id = await verifying(tickets, cause)
    assert await tickets.verifying(ticket_id, caused_by=cause, now=LATER) == NOW


async def test_another_cause_does_not_take_over_a_verification(tickets):
    ticket_id = await verifying(tickets, uuid4())
    assert await tickets.verifying(ticket_id, caused_by=uuid4(), now=LATER) is None
    assert not await tickets.end_verification(resolved(ticket_id), caused_by=uuid4())


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [(resolved, TicketState.RESOLVED), (escalated, TicketState.ESCALATED)],
)
async def test_a_verification_ends_with_what_it_found(tickets, conclusion, state):
    cause = uuid4()
    ticket_id = await verifying(tickets, cause)
    said = conclusion(ticket_id)
    assert await tickets.end_verification(said, caused_by=cause)
    assert await tickets.seen(ticket_id) is state
    assert await tickets.concluded(ticket_id, caused_by=cause) == said


@pytest.mark.parametrize(("first", "second"), [(resolved, escalated), (escalated, resolved)])
async def test_the_first_conclusion_of_a_cause_stands(tickets, first, second):
    cause = uuid4()
    ticket_id = await verifying(tickets, cause)
    said = first(ticket_id)
    assert await tickets.end_verification(said, caused_by=cause)
    seen = await tickets.seen(ticket_id)
    assert not await tickets.end_verification(second(ticket_id), caused_by=cause)
    assert not await tickets.escalate(escalated(ticket_id), caused_by=cause)
    assert await tickets.verifying(ticket_id, caused_by=cause, now=LATER) is None
    assert await tickets.seen(ticket_id) == seen
    assert await tickets.concluded(ticket_id, caused_by=cause) == said


async def test_a_cause_that_concluded_does_so_no_more_when_the_ticket_comes_back(tickets):
    cause = uuid4()
    ticket_id = await put(tickets, TicketState.IN_PROGRESS)
    await tickets.escalate(escalated(ticket_id), caused_by=cause)
    await tickets.put(ticket_id, TicketState.IN_PROGRESS, over=True)
    assert await tickets.verifying(ticket_id, caused_by=cause, now=NOW) is None
    assert not await tickets.escalate(escalated(ticket_id), caused_by=cause)
    assert not await tickets.resolve_called_off(resolved(ticket_id), caused_by=cause)


@pytest.mark.parametrize("state", TicketState)
async def test_a_person_is_called_to_a_ticket_that_has_not_ended(tickets, state):
    ticket_id = await put(tickets, state)
    goes = state in TICKET_FROM[TicketState.ESCALATED]
    assert await tickets.escalate(escalated(ticket_id), caused_by=uuid4()) is goes
    assert await tickets.seen(ticket_id) is (TicketState.ESCALATED if goes else state)


@pytest.mark.parametrize("state", TicketState)
@pytest.mark.parametrize("over", [True, False])
async def test_a_source_resolves_what_has_no_plan_under_way(tickets, state, over):
    ticket_id = await put(tickets, state, over=over)
    goes = over and state in WITHOUT_PLAN
    said = resolved(ticket_id, Resolution.SOURCE)
    assert await tickets.resolve_unplanned(said, caused_by=uuid4()) is goes
    assert await tickets.seen(ticket_id) is (TicketState.RESOLVED if goes else state)


@pytest.mark.parametrize("state", TicketState)
@pytest.mark.parametrize("over", [True, False])
async def test_a_plan_that_was_called_off_resolves_while_the_source_says_so(tickets, state, over):
    ticket_id = await put(tickets, state, over=over)
    goes = over and state in TICKET_FROM[TicketState.RESOLVED]
    said = resolved(ticket_id, Resolution.SOURCE)
    assert await tickets.resolve_called_off(said, caused_by=uuid4()) is goes


async def test_what_another_cause_concluded_is_not_this_one_s(tickets):
    ticket_id = await put(tickets, TicketState.IN_PROGRESS)
    await tickets.escalate(escalated(ticket_id), caused_by=uuid4())
    assert await tickets.concluded(ticket_id, caused_by=uuid4()) is None


async def test_of_two_at_once_one_concludes(tickets):
    cause = uuid4()
    ticket_id = await verifying(tickets, cause)
    done = await asyncio.gather(
        tickets.end_verification(resolved(ticket_id), caused_by=cause),
        tickets.end_verification(escalated(ticket_id), caused_by=cause),
    )
    assert sorted(done) == [False, True]
