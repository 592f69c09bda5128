"""Every accepted alert is kept, with its ticket, for a time."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.ingest.history.store import MongoHistory
from tests.ingest.conftest import on_own
from tests.ingest.payloads import body, fired, over
from tests.ingest.test_service import HOOK, accepted, server
from tests.running import until


async def kept_in(db):
    return [one async for one in db.alerts.find().sort("_id", 1)]


async def test_each_accepted_alert_is_kept_with_its_ticket(ingest, db):
    twice = [fired(instance="a"), fired(instance="a"), fired(instance="b")]
    answer = await ingest.post(HOOK, content=body(*twice))
    await ingest.post(HOOK, content=body(over(instance="a")))
    kept = await kept_in(db)
    a, b = (UUID(ticket["id"]) for ticket in answer.json()["tickets"])
    assert [one["ticket_id"] for one in kept] == [a, a, b, a]
    assert [one["status"] for one in kept] == ["firing", "firing", "firing", "resolved"]
    assert [one["resource"] for one in kept] == ["a", "a", "b", "a"]
    assert [one["decision"] for one in kept] == ["opened", "opened", "opened", "resolved"]
    assert kept[0]["alert"]["labels"]["job"] == "web"


async def test_an_end_that_no_ticket_is_about_is_kept_too(ingest, db):
    await ingest.post(HOOK, content=body(over()))
    (kept,) = await kept_in(db)
    assert (kept["ticket_id"], kept["decision"]) == (None, "no_ticket")
    assert kept["because"] == "no open ticket is about it"


async def test_what_is_refused_is_not_in_the_history(ingest, db):
    await ingest.post(HOOK, content=body(fired(wrong=1)))
    assert await kept_in(db) == []


async def test_nothing_accepted_is_missing_after_the_store_was_killed(own_stack, settings):
    async with on_own(own_stack, settings) as (service, client, _):
        mongod, accepted_ids = server(own_stack, "mongod"), set()
        for number in range(20):
            if number == 10:
                await mongod.stop()
                answer = await client.post(HOOK, content=body(fired(instance="lost")))
                assert answer.status_code == 503
                await mongod.start()
            alert = fired(instance=f"n-{number}")
            accepted_ids.add(await until(lambda alert=alert: accepted(client, alert)))
        kept = {str(one["ticket_id"]) for one in await kept_in(service.database)}
        assert accepted_ids <= kept


async def test_a_changed_retention_holds_for_what_is_there(db):
    for days in (90, 7):
        await MongoHistory(db, timedelta(days=days)).prepare()
    indexes = await db.alerts.index_information()
    assert indexes["kept_at_expires"]["expireAfterSeconds"] == 7 * 86_400


@pytest.mark.parametrize("field", ["source", "fingerprint", "ticket_id"])
async def test_what_is_asked_for_is_found_by_an_index(db, field):
    await MongoHistory(db, timedelta(days=90)).prepare()
    plan = await db.alerts.find({field: "x"}).sort("at", -1).explain()
    assert f"{field}_at" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT'" not in str(plan["queryPlanner"]["winningPlan"])
