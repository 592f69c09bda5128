"""A runbook that a person asks for: planned as any other, for a ticket or for a new one."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.planner.handlers import plan_as_asked
from services.planner.store import MongoConclusions
from shared.events import PlanReady, PlanRequested, TicketCreated, TicketEscalated
from shared.policy.stop import Stop
from shared.signing import ForgedDecisionError
from tests.planner.test_handlers import Published
from tests.planner.tickets import SIGNER, Standing, desk
from tests.runbook.runbooks import alert

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def asking(ticket_id=None, **fields) -> PlanRequested:
    said = {
        "runbook": "restart-service",
        "by": "ann",
        "at": NOW,
        "reason": "it hangs",
        "alert": None if ticket_id else alert(),
        **fields,
    }
    return SIGNER.signed_request(PlanRequested(id=uuid4(), ticket_id=ticket_id or uuid4(), **said))


@pytest.fixture
async def put(db):
    async def ticket(state, **fields):
        ticket_id = uuid4()
        told = alert().model_dump(mode="json")
        await db.tickets.insert_one({"_id": ticket_id, "state": state, "alert": told} | fields)
        return ticket_id

    return ticket


async def heard(db, said, table=None) -> Published:
    published = Published()
    await plan_as_asked(said, table or desk(), MongoConclusions(db), published)
    return published


async def state(db, said) -> str:
    return (await db.tickets.find_one({"_id": said.ticket_id}))["state"]


@pytest.mark.parametrize("before", ["new", "triaged", "reopened", "escalated"])
async def test_a_ticket_without_a_plan_is_planned_and_whoever_asks_is_its_requester(
    db, put, before
):
    said = asking(await put(before))
    (ready,) = await heard(db, said)
    assert isinstance(ready, PlanReady)
    assert (ready.session_id, ready.found_by) == (said.session_id, "person")
    assert ready.alert.requested_by == "ann"
    assert ready.reasons[0] == "ann asked for it: it hangs"
    assert await state(db, said) == "planned"
    assert (await db.sessions.find_one())["_id"] == said.session_id


@pytest.mark.parametrize(
    ("first", "both"),
    [
        ("ann", ("ann", ())),
        ("ben@example.org", ("ben@example.org", ("ann",))),
    ],
)
async def test_who_asked_for_a_ticket_stays_its_requester_beside_who_asks_for_a_plan(
    db, put, first, both
):
    told = alert().model_copy(update={"requested_by": first})
    said = asking(await put("escalated", alert=told.model_dump(mode="json")))
    (ready,) = await heard(db, said)
    assert (ready.alert.requested_by, ready.alert.co_requesters) == both
    assert {step.approval.co_requesters for step in ready.steps} == {both[1]}


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "planned"},
        {"state": "in_progress"},
        {"state": "resolved"},
        {"state": "triaged", "parent_id": uuid4()},
        {"state": "triaged", "choice": {"id": uuid4()}},
    ],
)
async def test_nothing_is_planned_beside_what_is_under_way(db, put, fields):
    said = asking(await put(**fields))
    assert await heard(db, said) == []
    assert (await state(db, said), await db.sessions.find_one()) == (fields["state"], None)


async def test_without_a_ticket_one_is_opened_and_told(db):
    said = asking(params={"service": "till"})
    created, ready = await heard(db, said)
    assert isinstance(created, TicketCreated)
    assert (ready.params["service"], ready.origins["service"]) == ("till", "whoever asked for it")
    ticket = await db.tickets.find_one({"_id": said.ticket_id})
    assert (ticket["state"], ticket["announced"], ticket["count"]) == ("planned", True, 1)


@pytest.mark.parametrize("new", [True, False])
async def test_a_redelivery_says_the_same_and_plans_once(db, put, new):
    said = asking(None if new else await put("escalated"))
    first = await heard(db, said)
    again = await heard(db, said, desk(targets={}))
    assert [(one.id, one.subject) for one in again] == [(one.id, one.subject) for one in first]
    assert await db.sessions.count_documents({}) == 1
    # Also after the ticket has gone on, and another request made a plan.
    await db.tickets.update_one({}, {"$set": {"state": "escalated", "planned_by": uuid4()}})
    assert [event for event in await heard(db, said) if isinstance(event, PlanReady)] == []
    assert await db.sessions.count_documents({}) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"runbook": "rm-all"}, "there is no such runbook, or it is turned off"),
        ({"params": {"jub": "a"}}, "it has no parameter jub, but service, host"),
        ({"params": {"service": "a b"}}, "parameter service (from whoever asked for it)"),
    ],
)
async def test_what_cannot_be_planned_goes_to_a_person_with_why(db, put, fields, why):
    said = asking(await put("escalated"), **fields)
    (escalated,) = await heard(db, said)
    assert isinstance(escalated, TicketEscalated)
    assert why in escalated.reason
    assert (await state(db, said), await db.sessions.find_one()) == ("escalated", None)


async def test_a_target_that_is_not_declared_is_told_before_anything_runs(db, put):
    (escalated,) = await heard(db, asking(await put("new")), desk(targets={}))
    assert "handrail.yaml declares no target" in escalated.reason


async def test_the_policy_has_the_last_word(db, put):
    stop = Stop(by="bob", at=NOW, reason="the network is changed")
    said = asking(await put("triaged"))
    (escalated,) = await heard(db, said, desk(Standing(stopped=stop)))
    assert "the network is changed" in escalated.reason


@pytest.mark.parametrize(
    "change",
    [{"signature": ""}, {"by": "eve"}, {"runbook": "x"}, {"params": {"a": "b"}}, {"alert": None}],
)
async def test_what_nobody_signed_plans_nothing(db, put, change):
    said = asking().model_copy(update={"ticket_id": await put("escalated")} | change)
    with pytest.raises(ForgedDecisionError):
        await heard(db, said)
    assert await db.sessions.find_one() is None
