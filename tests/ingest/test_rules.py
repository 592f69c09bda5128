"""The rules of handrail.yaml, on a running ingest: what becomes of alerts, and why."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.app import build
from tests.ingest.conftest import BEARER, SOURCES, TOKEN
from tests.ingest.payloads import body, fired, over
from tests.ingest.test_service import HOOK
from tests.running import running, until

RULES = """\
triggers:
  - {name: no-info, when: 'labels.severity == "info"', open: false, reason: for dashboards}
maintenance:
  - {name: patching, matchers: ['instance=~"db-.*"'], reason: kernels,
     starts: 2020-01-01T00:00:00Z, ends: 2100-01-01T00:00:00Z}
"""
IDENTITY = """\
sources:
  alertmanager:
    bearer: {env: INGEST_TEST_TOKEN}
    fingerprint: {labels: [job]}
"""


@pytest.fixture
def ruled(stack, db, settings, tmp_path):
    """Starts ingest with these rules."""

    def start(text):
        (tmp_path / "handrail.yaml").write_text(text)
        return running(build(settings(stack, db.name)))

    return start


async def decisions(db):
    return [(one["decision"], one["because"]) async for one in db.alerts.find().sort("_id", 1)]


async def test_what_no_trigger_wants_is_accepted_and_the_reason_is_kept(ruled, db):
    async with ruled(SOURCES + RULES) as client:
        answer = await client.post(HOOK, content=body(fired(severity="info")), headers=BEARER)
    assert (answer.status_code, answer.json()["tickets"]) == (202, [])
    assert await db.tickets.count_documents({}) == 0
    ((decision, because),) = await decisions(db)
    assert decision == "not_opened"
    assert "no-info" in because
    assert "for dashboards" in because


async def test_what_a_window_covers_is_recorded_closed_with_the_reason(ruled, db, on_stream):
    async with ruled(SOURCES + RULES) as client:
        answer = await client.post(HOOK, content=body(fired(instance="db-1")), headers=BEARER)
    (ticket,) = answer.json()["tickets"]
    stored = await db.tickets.find_one()
    assert (stored["state"], stored["suppressed"]["window"]) == ("closed", "patching")
    ((decision, because),) = await decisions(db)
    assert (decision, "kernels" in because) == ("suppressed", True)
    assert len(await on_stream.of_ticket(ticket["id"], "ticket.created")) == 1
    assert len(await on_stream.of_ticket(ticket["id"], "ticket.closed")) == 1


async def test_what_still_fires_when_its_window_ends_is_reopened(ruled, db, on_stream):
    async with ruled(SOURCES + RULES) as client:
        await client.post(HOOK, content=body(fired(instance="db-1")), headers=BEARER)
        over_at = datetime.now(UTC) - timedelta(seconds=1)
        await db.tickets.update_one({}, {"$set": {"suppressed.until": over_at}})
    async with ruled(SOURCES):
        await until(lambda: db.tickets.find_one({"state": "reopened", "announced": True}))
    ticket = await db.tickets.find_one()
    (event,) = await on_stream.of_ticket(ticket["_id"], "ticket.reopened")
    assert b"patching is over" in event.data


async def test_two_instances_are_one_problem_until_both_are_over_where_a_rule_says_so(ruled, db):
    async with ruled(IDENTITY) as client:
        for alert in (fired(instance="a"), fired(instance="b"), over(instance="a")):
            await client.post(HOOK, content=body(alert), headers=BEARER)
        (ticket,) = [one async for one in db.tickets.find()]
        assert (ticket["count"], ticket["source_resolved_at"]) == (2, None)
        await client.post(HOOK, content=body(over(instance="b")), headers=BEARER)
    assert (await db.tickets.find_one())["source_resolved_at"] is not None


async def test_what_somebody_asks_for_is_opened_whatever_the_rules_say(ruled, db):
    api = "  api: {bearer: {env: INGEST_TEST_TOKEN}}\n"
    wanted = {"title": "The disk is full", "labels": {"severity": "info", "instance": "db-1"}}
    async with ruled(SOURCES + api + RULES) as client:
        token = {"Authorization": f"Bearer {TOKEN}"}
        answer = await client.post("/tickets", json=wanted, headers=token)
    assert (answer.status_code, answer.json()["opened"]) == (202, True)
    assert (await db.tickets.find_one())["state"] == "new"


GROUPED = """\
correlation:
  - {name: same-node, by: [labels.node], within: 10m, at_least: 2, reason: the node is the cause}
"""


async def test_what_belongs_together_is_put_under_the_first_and_says_why(ruled, db, on_stream):
    async with ruled(SOURCES + GROUPED) as client:
        for name in ("HostDown", "DiskSlow"):
            alert = fired(name, node="n7")
            await client.post(HOOK, content=body(alert), headers=BEARER)
        await client.post(HOOK, content=body(fired("Other", node="n8")), headers=BEARER)
    tickets = {one["alert"]["name"]: one async for one in db.tickets.find()}
    parent, child = tickets["HostDown"], tickets["DiskSlow"]
    assert (child["parent_id"], "parent_id" in parent) == (parent["_id"], False)
    assert "parent_id" not in tickets["Other"]
    assert "same-node" in child["grouped"]["reason"]
    (created,) = await on_stream.of_ticket(child["_id"], "ticket.created")
    assert json.loads(created.data)["parent_id"] == str(parent["_id"])
    assert "same-node" in (await decisions(db))[1][1]
