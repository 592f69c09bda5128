"""Timelines in MongoDB: append-only, each event once, one unbroken chain a ticket."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pymongo import ASCENDING
from pymongo.errors import BulkWriteError

from services.console.chain import Entry, first_break
from services.console.store import MongoTimelines, _inserted, entry_from
from shared.errors import UnavailableError

BEGUN = datetime(2026, 3, 1, 10, 0, 0, 123000, tzinfo=UTC)


class OnMongo(MongoTimelines):
    """The store, and what a test has to see beside it."""

    async def of(self, ticket_id):
        found = self._timeline.find({"ticket_id": ticket_id}).sort("seq", ASCENDING)
        return [entry_from(document) async for document in found]


@pytest.fixture
async def timelines(db):
    store = OnMongo(db)
    await store.prepare()
    return store


def entry(ticket_id, *, second=0, data='{"ü": "\\u0000"}'):
    return Entry(
        event_id=uuid4(),
        ticket_id=ticket_id,
        at=BEGUN + timedelta(seconds=second),
        subject="ticket.created",
        who="ingest",
        what="ticket.created",
        why="weil\0es so ist 🚑",
        data=data,
    )


async def test_what_is_stored_verifies_again(timelines):
    ticket_id = uuid4()
    assert await timelines.append([entry(ticket_id, second=n) for n in range(3)]) == 3
    assert await timelines.append([entry(ticket_id, second=9)]) == 1
    kept = await timelines.of(ticket_id)
    assert [one.seq for one in kept] == [1, 2, 3, 4]
    assert first_break(kept) is None


async def test_an_edit_in_the_database_shows(timelines, db):
    ticket_id = uuid4()
    await timelines.append([entry(ticket_id, second=n) for n in range(3)])
    await db.timeline.update_one({"ticket_id": ticket_id, "seq": 2}, {"$set": {"who": "nobody"}})
    assert first_break(await timelines.of(ticket_id)) == 2


async def test_an_event_is_kept_once_however_often_it_comes(timelines):
    ticket_id = uuid4()
    first, second = entry(ticket_id), entry(ticket_id, second=1)
    assert await timelines.append([first, first]) == 1
    assert await timelines.append([first, second, second]) == 1
    kept = await timelines.of(ticket_id)
    assert [one.event_id for one in kept] == [first.event_id, second.event_id]
    assert first_break(kept) is None


async def test_a_batch_is_put_in_the_order_of_time(timelines):
    ticket_id = uuid4()
    await timelines.append([entry(ticket_id, second=n) for n in (3, 1, 2)])
    assert [(one.at - BEGUN).seconds for one in await timelines.of(ticket_id)] == [1, 2, 3]


async def test_each_ticket_has_a_chain_of_its_own(timelines):
    one, other = uuid4(), uuid4()
    await timelines.append([entry(id_, second=n) for n in range(3) for id_ in (one, other)])
    for ticket_id in (one, other):
        kept = await timelines.of(ticket_id)
        assert [each.seq for each in kept] == [1, 2, 3]
        assert first_break(kept) is None


async def test_nothing_is_nothing(timelines):
    assert await timelines.append([]) == 0


async def test_recorders_at_once_keep_chains_whole_and_lose_nothing(timelines, db):
    tickets = [uuid4() for _ in range(3)]
    batches = [[entry(id_, second=n) for id_ in tickets] for n in range(12)]
    recorders = [OnMongo(db), OnMongo(db)]
    for begin in range(0, len(batches), 4):
        # The same batches to both, as after a redelivery, in different orders.
        some = batches[begin : begin + 4]
        await asyncio.gather(
            *(recorders[0].append(batch) for batch in some[:2]),
            *(recorders[1].append(batch[::-1]) for batch in some[1:]),
        )
    for ticket_id in tickets:
        kept = await timelines.of(ticket_id)
        assert first_break(kept) is None
        assert len(kept) == len({one.event_id for one in kept}) == 12


def failed(code, *, unconfirmed=False):
    errors = [{"code": code, "index": 1}]
    return BulkWriteError(
        {
            "writeErrors": [] if unconfirmed else errors,
            "writeConcernErrors": errors if unconfirmed else [],
            "nInserted": 1,
        }
    )


def test_a_place_that_is_taken_ends_a_batch_there():
    assert _inserted(failed(11000)) == 1


def test_a_write_that_was_not_confirmed_is_to_be_tried_later():
    with pytest.raises(UnavailableError):
        _inserted(failed(64, unconfirmed=True))


def test_an_error_that_is_no_race_is_raised_as_it_is():
    with pytest.raises(BulkWriteError):
        _inserted(failed(14031))


async def test_preparing_again_changes_nothing(db):
    await asyncio.gather(*(OnMongo(db).prepare() for _ in range(3)))
