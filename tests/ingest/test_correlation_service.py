"""Correlation in a running ingest, from webhooks to events."""

import pytest

from services.ingest.app import build
from services.planner.store import MongoConclusions
from shared.events import TicketCreated, TicketUpdated
from tests.ingest.conftest import BEARER, SOURCES
from tests.ingest.payloads import body, fired
from tests.planner.tickets import planner, triaged
from tests.running import running

RULES = "correlation: [{name: same-job, by: service, at_least: 3, reason: one deployment}]\n"
REASON = "rule same-job: 3 tickets in 5 minutes with service = web: one deployment"


@pytest.fixture
async def grouping(stack, db, settings, tmp_path):
    """A client of an ingest that groups by service."""
    (tmp_path / "handrail.yaml").write_text(SOURCES + RULES)
    async with running(build(settings(stack, db.name))) as client:
        client.headers = BEARER
        yield client


async def post(client, *alerts):
    answer = await client.post("/webhooks/alertmanager", content=body(*alerts))
    assert answer.status_code == 202, answer.text


async def events(on_stream, kind, first=1):
    """What was told: so many first ones, and the others."""
    found = [kind.read(one.headers, one.data) async for one in on_stream.all(kind.subject)]
    return found[:first], found[first:]


async def test_a_storm_of_one_service_is_one_parent_and_told_so(grouping, db, on_stream):
    await post(grouping, *(fired(instance=f"web-{number}") for number in range(2)))
    await post(grouping, *(fired(instance=f"web-{number}") for number in range(2, 6)))
    before, created = await events(on_stream, TicketCreated, 2)
    (sibling,) = (await events(on_stream, TicketUpdated))[0]
    assert [one.parent_id for one in before] == [None, None]
    (parent,) = {one.parent_id for one in (*created, sibling)}
    assert {one.ticket_id for one in before} == {parent, sibling.ticket_id}
    assert {one.grouped_because for one in created} == {sibling.reason}
    assert sibling.reason == REASON.replace("3 tickets", "6 tickets")
    leader = await db.tickets.find_one({"_id": parent})
    assert leader["leads"] is True
    assert await db.tickets.count_documents({"parent_id": parent}) == 5


async def test_only_the_parent_is_planned(grouping, db):
    await post(grouping, *(fired(instance=f"web-{number}") for number in range(3)))
    await db.tickets.update_many({}, {"$set": {"state": "triaged"}})
    conclusions = MongoConclusions(db)
    async for ticket in db.tickets.find():
        event = triaged(ticket["_id"])
        made = planner().conclude(event)
        kept = await conclusions.keep(made, caused_by=event.id, now=ticket["created_at"])
        assert (kept is None) == ("parent_id" in ticket)
    states = {one["state"]: one async for one in db.tickets.find()}
    assert "leads" in states["planned"]
    assert states["triaged"]["grouped"]["reason"] == REASON
    assert await db.sessions.count_documents({}) == 1
