"""Tickets as ingest keeps them: one contract, on the fake and on MongoDB."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import BulkWriteError

from services.ingest.ruling import plainly
from services.ingest.sources.alertmanager import parse
from services.ingest.store import MongoTickets, _duplicates
from services.ingest.ticket import collapsed
from services.ingest.webhook import Webhook
from shared.errors import UnavailableError
from shared.lifecycle import TicketState
from tests.ingest.fakes import FakeTickets
from tests.ingest.payloads import body, fired, over

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
WARNING, CRITICAL = {"severity": "warning"}, {"severity": "critical"}


class OnMongo(MongoTickets):
    """The store, and what a test has to see and do beside it."""

    async def source_resolved_at(self, ticket_id):
        return (await self._tickets.find_one({"_id": ticket_id}))["source_resolved_at"]

    async def move(self, ticket_id, state):
        ended = {"resolved_at": NOW - timedelta(days=1)} if state is TicketState.RESOLVED else {}
        change = {"state": state.value, **ended}
        await self._tickets.update_one({"_id": ticket_id}, {"$set": change})


@pytest.fixture
async def on_mongo(db):
    store = OnMongo(db)
    await store.prepare()
    return store


@pytest.fixture(params=["fake", "mongo"])
def tickets(request):
    return FakeTickets() if request.param == "fake" else request.getfixturevalue("on_mongo")


def rulings(*alerts):
    return [plainly(alert, NOW) for alert in parse(Webhook("am", body(*alerts)))]


async def say(tickets, *alerts, now=NOW):
    return await tickets.record(collapsed(rulings(*alerts)), now)


async def test_a_new_problem_opens_a_ticket(tickets):
    (one,) = await say(tickets, fired())
    assert (one.opened, one.state, one.count, one.gone) == (True, TicketState.NEW, 1, False)
    assert one.created_at == NOW


async def test_the_same_problem_counts_on_its_ticket(tickets):
    (first,) = await say(tickets, fired())
    (second,) = await say(tickets, fired(), now=LATER)
    assert (second.ticket_id, second.opened, second.count) == (first.ticket_id, False, 2)
    assert second.created_at == NOW


async def test_two_instances_are_two_tickets(tickets):
    one, other = await say(tickets, fired(instance="a"), fired(instance="b"))
    assert one.ticket_id != other.ticket_id


async def test_known_and_new_problems_of_one_group_are_told_apart(tickets):
    await say(tickets, fired(instance="a"))
    both = await say(tickets, fired(instance="a"), fired(instance="b"))
    assert {one.alert.labels["instance"]: one.opened for one in both} == {"a": False, "b": True}


async def test_a_resolved_alert_is_noted_with_the_time_that_its_source_says(tickets):
    (opened,) = await say(tickets, fired())
    (noted,) = await say(tickets, over(), now=LATER)
    assert (noted.ticket_id, noted.gone, noted.count) == (opened.ticket_id, True, 1)
    ended = await tickets.source_resolved_at(opened.ticket_id)
    assert ended == datetime(2026, 3, 1, 10, 15, 30, 500000, tzinfo=UTC)


async def test_an_alert_that_fires_again_is_not_gone(tickets):
    (opened,) = await say(tickets, fired())
    await say(tickets, over())
    (again,) = await say(tickets, fired())
    assert not again.gone
    assert await tickets.source_resolved_at(opened.ticket_id) is None


async def test_a_resolved_alert_without_a_ticket_leaves_nothing(tickets):
    assert await say(tickets, over()) == []
    (opened,) = await say(tickets, fired())
    assert opened.opened


@pytest.mark.parametrize("ended", [WARNING, CRITICAL])
async def test_a_problem_is_not_gone_while_another_of_its_alerts_fires(tickets, ended):
    (opened,) = await say(tickets, fired(**WARNING), fired(**CRITICAL))
    (noted,) = await say(tickets, over(**ended))
    assert (noted.gone, noted.count) == (False, 2)
    assert await tickets.source_resolved_at(opened.ticket_id) is None


async def test_a_problem_is_gone_when_the_last_of_its_alerts_is_over(tickets):
    await say(tickets, fired(**WARNING))
    await say(tickets, fired(**CRITICAL))
    (one,) = await say(tickets, over(**CRITICAL))
    (other,) = await say(tickets, over(**WARNING))
    assert (one.gone, other.gone) == (False, True)


async def test_a_problem_that_gets_worse_in_one_notification_is_still_there(tickets):
    await say(tickets, fired(**WARNING))
    (worse,) = await say(tickets, fired(**CRITICAL), over(**WARNING))
    assert (worse.gone, worse.opened, worse.count) == (False, False, 2)
    (noted,) = await say(tickets, over(**CRITICAL))
    assert noted.gone


async def test_firing_and_resolved_at_once_open_a_ticket_that_is_gone(tickets):
    (one,) = await say(tickets, fired(), over())
    assert (one.opened, one.gone, one.count) == (True, True, 1)
    (again,) = await say(tickets, fired())
    assert (again.ticket_id, again.gone, again.count) == (one.ticket_id, False, 2)


async def test_the_state_is_that_of_the_ticket(tickets):
    (opened,) = await say(tickets, fired())
    await tickets.move(opened.ticket_id, TicketState.IN_PROGRESS)
    (again,) = await say(tickets, fired())
    assert again.state is TicketState.IN_PROGRESS


async def test_a_problem_that_comes_back_long_after_its_ticket_was_resolved_is_a_new_ticket(
    tickets,
):
    (first,) = await say(tickets, fired())
    await tickets.move(first.ticket_id, TicketState.RESOLVED)
    (second,) = await say(tickets, fired())
    assert second.opened
    assert second.ticket_id != first.ticket_id


async def test_only_overdue_tickets_that_nobody_judged_are_unannounced(tickets):
    late, judged, _fresh = [
        (await say(tickets, fired(instance=name), now=at))[0]
        for name, at in (("late", NOW), ("judged", NOW), ("fresh", LATER))
    ]
    await tickets.move(judged.ticket_id, TicketState.TRIAGED)
    (found,) = await tickets.unannounced(LATER, 10)
    assert (found.ticket_id, found.alert, found.created_at) == (late.ticket_id, late.alert, NOW)


async def test_an_announced_ticket_is_announced_no_more(tickets):
    (late,) = await say(tickets, fired())
    await tickets.announced([late])
    assert await tickets.unannounced(LATER, 10) == []


async def test_no_more_are_unannounced_at_a_time_than_asked_for(tickets):
    await say(tickets, *(fired(instance=str(n)) for n in range(5)))
    assert len(await tickets.unannounced(LATER, 3)) == 3


async def test_many_at_once_open_one_ticket(on_mongo):
    recorded = await asyncio.gather(*(say(on_mongo, fired()) for _ in range(50)))
    assert len({one.ticket_id for (one,) in recorded}) == 1
    assert [one.opened for (one,) in recorded].count(True) == 1
    assert max(one.count for (one,) in recorded) == 50


async def test_many_groups_at_once_open_each_ticket_once(on_mongo):
    groups = [[fired(instance=str(n + shift)) for n in range(10)] for shift in range(10)]
    recorded = await asyncio.gather(*(say(on_mongo, *group) for group in groups))
    opened = [one.ticket_id for group in recorded for one in group if one.opened]
    assert all(len(group) == 10 for group in recorded)
    assert len(opened) == len(set(opened)) == 19


class Racing(OnMongo):
    """The tickets that a test put in the way are gone after the first try, or stay."""

    stays = False

    async def _write(self, said, now):
        done = await super()._write(said, now)
        if not self.stays:
            await self._tickets.delete_many({"in_the_way": True})
        return done


@pytest.fixture
async def racing(db):
    """A store in which a ticket for web-1 cannot be opened at first."""
    store = Racing(db)
    await store.prepare()
    await db.tickets.create_index("fingerprint", unique=True)
    (said,) = collapsed(rulings(fired()))
    await db.tickets.insert_one({"in_the_way": True, "fingerprint": said.alert.fingerprint})
    return store


async def test_what_lost_a_race_is_written_again_and_the_rest_stands(racing, db):
    both = await say(racing, fired(), fired(instance="web-2"))
    assert [(one.opened, one.count) for one in both] == [(True, 1), (True, 1)]
    assert await db.tickets.count_documents({"count": 1}) == 2


async def test_who_loses_every_race_is_to_try_later(racing):
    racing.stays = True
    with pytest.raises(UnavailableError):
        await say(racing, fired())


def test_a_write_that_was_not_confirmed_is_to_be_tried_later():
    timeout = {"code": 64, "errmsg": "waiting for replication timed out"}
    error = BulkWriteError({"writeErrors": [], "writeConcernErrors": [timeout], "upserted": []})
    with pytest.raises(UnavailableError):
        _duplicates(error)


def test_an_error_that_is_no_race_is_raised_as_it_is():
    full = {"code": 14031, "index": 0}
    error = BulkWriteError({"writeErrors": [full], "writeConcernErrors": [], "upserted": []})
    with pytest.raises(BulkWriteError):
        _duplicates(error)


async def test_labels_of_any_name_are_kept_as_they_are(on_mongo):
    odd = {"a.b": "1", "$set": "2", "$a.$b": "$x", "": "3", "_id": "4", "$literal": "5", "ü": "6"}
    for alert in (fired(**odd), fired(**odd, instance="2"), over(**odd)):
        await say(on_mongo, alert)
    await say(on_mongo, fired(**odd, instance="3"), over(**odd, instance="3"))
    kept = [one.alert.labels for one in await on_mongo.unannounced(LATER, 10)]
    assert len(kept) == 3
    assert all(labels.items() >= odd.items() for labels in kept)


async def test_preparing_again_changes_nothing(db):
    await asyncio.gather(*(OnMongo(db).prepare() for _ in range(3)))
    await OnMongo(db).prepare()
