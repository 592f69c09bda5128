"""Words in MongoDB: added, ended, and used no more often than they say."""

import asyncio
from datetime import timedelta

import pytest

from shared.standing.store import MongoStanding, word_of
from tests.standing.words import ADA, AT, delegation, window


@pytest.fixture
async def words(db):
    store = MongoStanding(db)
    await store.prepare()
    return store


async def test_a_word_is_kept_as_it_was_said(words):
    said = window(times=3)
    assert await words.add(said)
    (kept,) = await words.all()
    assert word_of(kept) == said


async def test_a_word_is_kept_once(words):
    said = delegation()
    assert [await words.add(said), await words.add(said)] == [True, False]


async def test_a_window_is_used_exactly_as_often_as_it_says_also_by_many_at_once(words):
    said = window(times=5)
    await words.add(said)
    numbers = await asyncio.gather(*(words.use(said, f"step {n}", at=AT) for n in range(20)))
    assert sorted(filter(None, numbers)) == [1, 2, 3, 4, 5]


async def test_a_step_that_was_counted_is_not_counted_again(words):
    said = window(times=1)
    await words.add(said)
    assert [await words.use(said, "one", at=AT) for _ in range(3)] == [1, 1, 1]
    assert await words.use(said, "two", at=AT) is None


async def test_one_step_asked_about_many_times_at_once_is_one_use(words):
    said = window(times=3)
    await words.add(said)
    numbers = await asyncio.gather(*(words.use(said, "one", at=AT) for _ in range(8)))
    assert numbers == [1] * 8
    assert await words.use(said, "two", at=AT) == 2


async def test_a_window_without_a_number_counts_its_uses(words):
    said = window()
    await words.add(said)
    assert [await words.use(said, f"step {n}", at=AT) for n in range(3)] == [1, 2, 3]


async def test_a_window_that_was_ended_is_used_no_more(words):
    said = window()
    await words.add(said)
    assert await words.end(said.id, by=ADA, at=AT)
    assert await words.use(said, "one", at=AT) is None


async def test_a_window_that_nobody_keeps_is_used_by_nobody(words):
    assert await words.use(window(), "one", at=AT) is None


async def test_a_word_is_ended_once_and_who_did_it_is_kept(words):
    said = delegation()
    await words.add(said)
    later = AT + timedelta(minutes=5)
    assert [await words.end(said.id, by=who, at=later) for who in (ADA, "eve")] == [True, False]
    (kept,) = await words.all()
    assert (word_of(kept).ended_by, word_of(kept).ended_at) == (ADA, later)


async def test_what_is_over_is_not_looked_at(words):
    await words.add(delegation())
    assert await words.all(after=AT + timedelta(hours=9)) == []
    assert len(await words.all(after=AT)) == 1
