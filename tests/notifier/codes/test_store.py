"""Codes in MongoDB: good once, for a while, and for so many tries, however many come at once."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from services.notifier.codes.store import CODES_MOST, GOOD_FOR, PAUSE, TRIES, MongoCodes, Tried
from tests.notifier.builders import NOW

ABOUT = "question/alice"


@pytest.fixture
async def codes(db):
    await db.get_collection("confirmation_codes").delete_many({})
    store = MongoCodes(db)
    await store.replace(ABOUT, "right", NOW)
    return store


async def test_a_code_is_good_once(codes):
    assert await codes.tried(ABOUT, "right", NOW) is Tried.RIGHT
    assert await codes.tried(ABOUT, "right", NOW) is Tried.SPENT


async def test_of_many_at_once_one_makes_use_of_it(codes):
    tries = await asyncio.gather(*(codes.tried(ABOUT, "right", NOW) for _ in range(TRIES)))
    assert Counter(tries)[Tried.RIGHT] == 1


async def test_there_are_exactly_so_many_tries_also_for_who_guesses_in_parallel(codes, db):
    guesses = await asyncio.gather(*(codes.tried(ABOUT, f"wrong {n}", NOW) for n in range(20)))
    kept = await db.get_collection("confirmation_codes").find_one({"_id": ABOUT})
    assert kept["tries"] == TRIES
    assert Counter(guesses) == {Tried.WRONG: TRIES - 1, Tried.SPENT: 20 - TRIES + 1}
    assert await codes.tried(ABOUT, "right", NOW) is Tried.SPENT


async def test_the_last_try_may_be_right(codes):
    for number in range(TRIES - 1):
        assert await codes.tried(ABOUT, f"wrong {number}", NOW) is Tried.WRONG
    assert await codes.tried(ABOUT, "right", NOW) is Tried.RIGHT


async def test_a_code_that_is_too_old_is_good_for_nothing(codes):
    assert await codes.tried(ABOUT, "right", NOW + GOOD_FOR) is Tried.SPENT


async def test_a_code_is_for_one_purpose(codes):
    assert await codes.tried("question/bob", "right", NOW) is Tried.SPENT


async def test_a_new_code_takes_the_place_of_the_one_before(codes):
    assert await codes.replace(ABOUT, "new", NOW + PAUSE)
    assert await codes.tried(ABOUT, "right", NOW + PAUSE) is Tried.WRONG
    assert await codes.tried(ABOUT, "new", NOW + PAUSE) is Tried.RIGHT


async def test_another_code_is_not_sent_at_once(codes):
    assert not await codes.replace(ABOUT, "new", NOW + PAUSE - timedelta(seconds=1))
    assert await codes.tried(ABOUT, "right", NOW) is Tried.RIGHT


async def test_there_are_only_so_many_codes_for_one_purpose(codes):
    sent = [await codes.replace(ABOUT, str(n), NOW + PAUSE * (n + 1)) for n in range(CODES_MOST)]
    assert sent == [True] * (CODES_MOST - 1) + [False]


async def test_a_code_that_was_not_sent_is_not_waited_for(codes):
    await codes.withdraw(ABOUT, "right", NOW)
    assert await codes.tried(ABOUT, "right", NOW) is Tried.SPENT
    assert await codes.replace(ABOUT, "new", NOW)
