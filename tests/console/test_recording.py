"""Entries that come side by side are stored together, and one that cannot be spoils no other."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.console.recording import Recorder
from services.console.store import MongoTimelines
from shared.errors import UnavailableError
from tests.console.test_store import entry


class FakeTimelines:
    def __init__(self, *, refused=None, away=False):
        self.appended = []
        self.refused = refused
        self.away = away

    async def append(self, entries):
        if self.away:
            raise UnavailableError("away")
        if self.refused in entries:
            raise ValueError("not to be stored")
        self.appended.append(list(entries))
        return len(entries)


@pytest.fixture
def ticket_id():
    return uuid4()


def recorder(timelines):
    return Recorder(timelines, timedelta(milliseconds=1))


async def test_what_comes_side_by_side_is_one_write(ticket_id):
    timelines = FakeTimelines()
    several = [entry(ticket_id, second=n) for n in range(5)]
    records = recorder(timelines)
    await asyncio.gather(*(records.record([one]) for one in several))
    assert timelines.appended == [several]


async def test_it_returns_when_it_is_stored_and_later_ones_are_stored_too(ticket_id, db):
    timelines = MongoTimelines(db)
    await timelines.prepare()
    records = recorder(timelines)
    for second in (1, 2):
        await records.record([entry(ticket_id, second=second)])
        assert await db.timeline.count_documents({"ticket_id": ticket_id}) == second


async def test_one_that_cannot_be_stored_fails_alone(ticket_id):
    bad, good = entry(ticket_id, second=1), entry(ticket_id, second=2)
    timelines = FakeTimelines(refused=bad)
    records = recorder(timelines)
    failed, stored = await asyncio.gather(
        records.record([bad]), records.record([good]), return_exceptions=True
    )
    assert (str(failed), stored) == ("not to be stored", None)
    assert timelines.appended == [[good]]


async def test_all_hear_that_the_store_is_away(ticket_id):
    records = recorder(FakeTimelines(away=True))
    with pytest.raises(UnavailableError):
        await records.record([entry(ticket_id, second=1)])


async def test_nothing_to_record_is_no_write():
    timelines = FakeTimelines()
    await recorder(timelines).record([])
    assert timelines.appended == []
