"""Tokens and the record of changes in the store."""

from datetime import UTC, datetime, timedelta

import pytest

from services.console.api.problem import Refusal
from services.console.audit.entry import Deed, Entry, Outcome, Witness
from services.console.audit.store import MongoTrail
from services.console.tokens.store import NOTED_AGAIN, MongoTokens
from services.console.tokens.token import (
    Caller,
    NoTokenError,
    Role,
    Token,
    TokenExistsError,
    Written,
    new_text,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALLER = Caller("ann", Role.ADMIN, "0" * 8, "203.0.113.7")


@pytest.fixture
async def tokens(db):
    store = MongoTokens(db)
    await store.prepare()
    return store


@pytest.fixture
async def trail(db):
    store = MongoTrail(db)
    await store.prepare()
    return store


def token(name="ann", **changes):
    written = Written.of(new_text())
    return Token(written.id, name, Role.VIEWER, written.digest, NOON, "root", **changes)


async def test_a_token_is_found_by_its_id(tokens):
    await tokens.add(kept := token(expires_at=NOON + timedelta(days=1)))
    assert await tokens.get(kept.id) == kept
    assert await tokens.get("00000000") is None


async def test_a_name_is_given_once_until_it_is_revoked(tokens):
    await tokens.add(first := token())
    with pytest.raises(TokenExistsError):
        await tokens.add(token())
    await tokens.revoke("ann", by="root", now=NOON)
    assert (await tokens.get(first.id)).revoked_by == "root"
    await tokens.add(token())
    assert [each.counts(NOON) for each in await tokens.all()].count(True) == 1


async def test_only_what_is_there_is_revoked(tokens):
    with pytest.raises(NoTokenError):
        await tokens.revoke("ann", by="root", now=NOON)


async def test_its_use_is_noted_once_in_a_while(tokens):
    await tokens.add(kept := token())
    await tokens.used(kept, NOON)
    used = await tokens.get(kept.id)
    await tokens.used(used, NOON + NOTED_AGAIN - timedelta(seconds=1))
    assert (await tokens.get(kept.id)).used_at == NOON
    await tokens.used(used, NOON + NOTED_AGAIN)
    assert (await tokens.get(kept.id)).used_at == NOON + NOTED_AGAIN


async def test_a_deed_is_written_down_before_it_is_done(trail):
    async with Witness(trail, lambda: NOON).of(CALLER, Deed.TARGET_REMOVED, "web-1"):
        (begun,) = await trail.newest(10)
        assert (begun.outcome, begun.by, begun.about) == (Outcome.BEGUN, "api:ann", "web-1")
    (done,) = await trail.newest(10)
    assert (done.outcome, done.address, done.token_id) == (Outcome.DONE, "203.0.113.7", "0" * 8)


async def test_what_was_refused_after_all_says_why(trail):
    witness = Witness(trail, lambda: NOON)
    with pytest.raises(Refusal):
        async with witness.of(CALLER, Deed.TARGET_REPLACED, "web-1", detail="{}"):
            raise Refusal(412, "too late")
    (refused,) = await trail.newest(10)
    assert (refused.outcome, refused.detail) == (Outcome.REFUSED, "too late")


async def test_a_crash_in_the_middle_leaves_what_was_begun(trail):
    with pytest.raises(RuntimeError):
        async with Witness(trail, lambda: NOON).of(CALLER, Deed.TARGET_REMOVED, "web-1"):
            raise RuntimeError
    (begun,) = await trail.newest(10)
    assert begun.outcome is Outcome.BEGUN


async def test_the_newest_are_shown_first_and_only_those_about_a_name(trail):
    for number in range(3):
        at = NOON + timedelta(seconds=number)
        await trail.add(Entry(at, "root", Deed.TOKEN_ADDED, f"t{number}"))
    assert [each.about for each in await trail.newest(2)] == ["t2", "t1"]
    assert [each.about for each in await trail.newest(9, about="t0")] == ["t0"]
