"""Every accepted alert is kept, with its ticket, for a time."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.ingest.history.entry import Entry
from services.ingest.history.group import GroupedHistory
from services.ingest.history.store import MongoHistory
from services.ingest.sources.alertmanager import parse
from services.ingest.webhook import Webhook
from shared.errors import UnavailableError
from tests.ingest.conftest import on_own
from tests.ingest.payloads import body, fired, over
from tests.ingest.test_service import HOOK, accepted, server
from tests.running import until

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def entry(instance):
    (alert,) = parse(Webhook("am", body(fired(instance=instance))))
    return Entry(alert, NOW, None)


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
    assert kept[0]["alert"]["labels"]["job"] == "web"


async def test_an_end_that_no_ticket_is_about_is_kept_too(ingest, db):
    await ingest.post(HOOK, content=body(over()))
    (kept,) = await kept_in(db)
    assert kept["ticket_id"] is None


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
    assert indexes["at_expires"]["expireAfterSeconds"] == 7 * 86_400


@pytest.mark.parametrize("field", ["source", "fingerprint", "ticket_id"])
async def test_what_is_asked_for_is_found_by_an_index(db, field):
    await MongoHistory(db, timedelta(days=90)).prepare()
    plan = await db.alerts.find({field: "x"}).sort("at", -1).explain()
    assert f"{field}_at" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT'" not in str(plan["queryPlanner"]["winningPlan"])


class Writes:
    """Records what is written together."""

    def __init__(self, *errors):
        self.groups, self.errors = [], list(errors)

    async def keep(self, entries):
        self.groups.append([one.alert.resource for one in entries])
        await asyncio.sleep(0)
        if any(one.alert.resource == "poison" for one in entries):
            raise ValueError("poison")
        if self.errors:
            raise self.errors.pop(0)


async def all_at_once(history, *instances):
    keeping = (history.keep([entry(instance)]) for instance in instances)
    return await asyncio.gather(*keeping, return_exceptions=True)


async def test_those_that_come_at_once_are_written_together():
    writes = Writes()
    assert await all_at_once(GroupedHistory(writes), "a", "b", "c") == [None, None, None]
    assert writes.groups == [["a", "b", "c"]]


async def test_a_store_that_is_away_is_told_to_all_who_wait_and_the_next_are_written():
    history = GroupedHistory(Writes(UnavailableError("away")))
    answers = await all_at_once(history, "a", "b")
    assert [type(answer) for answer in answers] == [UnavailableError, UnavailableError]
    assert await all_at_once(history, "c") == [None]


async def test_what_one_has_wrong_is_not_held_against_the_others():
    answers = await all_at_once(GroupedHistory(Writes()), "a", "poison", "b")
    assert [type(answer) for answer in answers] == [type(None), ValueError, type(None)]
