"""Verdicts as triage keeps them: one contract, on the fake and on MongoDB."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.triage.evidence import Gathered
from services.triage.store import MongoTickets
from services.triage.verdict import Judgement
from shared.events.evidence import Look
from shared.lifecycle import Severity, TicketState, Verdict
from tests.triage.fakes import FakeTickets

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
REAL = Judgement(Verdict.TRUE, 0.9, Severity.P2, ("a", "b"))
OTHER = Judgement(Verdict.UNCERTAIN, 0.6, Severity.P3, ("c",))
NEW = TicketState.NEW
LOOK = Look(
    name="load", asked="`uptime` on web-1", found="1.5", at=NOW, took=timedelta(milliseconds=12)
)
LOST = LOOK.model_copy(update={"name": "free", "found": None, "problem": "no answer within 5s"})
LOOKED = Judgement(
    Verdict.TRUE,
    0.97,
    Severity.P2,
    ("a",),
    Gathered({"load": 1.5, "disks": ["/", "/var"]}, (LOOK, LOST)),
)
FALSE = Judgement(Verdict.FALSE, 0.95, Severity.P4, ("d",))


class OnMongo(MongoTickets):
    """The store, and what a test has to see and do beside it."""

    async def put(self, ticket_id, state):
        document = {"_id": ticket_id, "state": state.value}
        await self._tickets.replace_one({"_id": ticket_id}, document, upsert=True)

    async def fire(self, ticket_id):
        await self._tickets.update_one({"_id": ticket_id}, {"$set": {"firing": ["a"]}})

    async def seen(self, ticket_id):
        ticket = await self._tickets.find_one({"_id": ticket_id})
        severity = Severity(ticket["severity"]) if "severity" in ticket else None
        return TicketState(ticket["state"]), severity


@pytest.fixture(params=["fake", "mongo"])
def tickets(request):
    return FakeTickets() if request.param == "fake" else OnMongo(request.getfixturevalue("db"))


@pytest.fixture
async def ticket_id(tickets):
    """A new ticket."""
    new = uuid4()
    await tickets.put(new, TicketState.NEW)
    return new


async def test_a_verdict_moves_a_new_ticket_on(tickets, ticket_id):
    assert await tickets.record(ticket_id, REAL, opened=NEW, caused_by=uuid4(), now=NOW)
    assert await tickets.seen(ticket_id) == (TicketState.TRIAGED, Severity.P2)


async def test_a_false_alarm_is_closed(tickets, ticket_id):
    assert await tickets.record(ticket_id, FALSE, opened=NEW, caused_by=uuid4(), now=NOW)
    assert await tickets.seen(ticket_id) == (TicketState.CLOSED, Severity.P4)


async def test_a_ticket_that_was_reopened_is_judged_afresh(tickets, ticket_id):
    await tickets.record(ticket_id, FALSE, opened=NEW, caused_by=uuid4(), now=NOW)
    await tickets.put(ticket_id, TicketState.REOPENED)
    again = {"opened": TicketState.REOPENED, "caused_by": uuid4(), "now": NOW}
    assert await tickets.record(ticket_id, REAL, **again)
    assert await tickets.seen(ticket_id) == (TicketState.TRIAGED, Severity.P2)


async def test_what_held_while_it_was_over_does_not_when_it_fires_again(tickets, ticket_id):
    await tickets.fire(ticket_id)
    said = {"opened": NEW, "caused_by": uuid4(), "now": NOW}
    assert not await tickets.record(ticket_id, FALSE, over=True, **said)
    assert await tickets.record(ticket_id, REAL, **said)
    assert await tickets.record(ticket_id, FALSE, over=True, **said) == REAL
    assert await tickets.seen(ticket_id) == (TicketState.TRIAGED, Severity.P2)


@pytest.mark.parametrize("judgement", [REAL, FALSE])
async def test_the_same_cause_again_changes_nothing_and_stands(tickets, ticket_id, judgement):
    cause = uuid4()
    await tickets.record(ticket_id, judgement, opened=NEW, caused_by=cause, now=NOW)
    seen = await tickets.seen(ticket_id)
    again = await tickets.record(ticket_id, OTHER, opened=NEW, caused_by=cause, now=NOW)
    assert again == judgement
    assert await tickets.seen(ticket_id) == seen


async def test_a_verdict_is_kept_with_its_evidence(tickets, ticket_id):
    cause = uuid4()
    await tickets.record(ticket_id, LOOKED, opened=NEW, caused_by=cause, now=NOW)
    assert await tickets.given(ticket_id, caused_by=cause) == LOOKED
    assert await tickets.given(ticket_id, caused_by=uuid4()) is None


async def test_another_cause_is_refused(tickets, ticket_id):
    await tickets.record(ticket_id, REAL, opened=NEW, caused_by=uuid4(), now=NOW)
    assert not await tickets.record(ticket_id, FALSE, opened=NEW, caused_by=uuid4(), now=NOW)
    assert await tickets.seen(ticket_id) == (TicketState.TRIAGED, Severity.P2)


@pytest.mark.parametrize(
    "state",
    [state for state in TicketState if state not in {TicketState.NEW, TicketState.REOPENED}],
)
@pytest.mark.parametrize("judgement", [REAL, FALSE])
async def test_a_ticket_that_is_not_new_is_left_alone_by_its_opening(tickets, state, judgement):
    ticket_id = uuid4()
    await tickets.put(ticket_id, state)
    assert not await tickets.record(ticket_id, judgement, opened=NEW, caused_by=uuid4(), now=NOW)
    assert await tickets.seen(ticket_id) == (state, None)


async def test_a_ticket_that_is_not_there_is_refused(tickets):
    assert not await tickets.record(uuid4(), REAL, opened=NEW, caused_by=uuid4(), now=NOW)
