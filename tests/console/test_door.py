"""Who comes in: tokens that count, and nobody who guesses for long."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from services.console.api.problem import Refusal
from services.console.tokens.door import WINDOW, WRONG_TOKENS, Door
from services.console.tokens.token import Role, Token, Written, new_text

TEXT = new_text()
STRANGER, HERE = "203.0.113.7", "127.0.0.1"


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self):
        return self.now


class Tokens:
    """Keeps one token in memory."""

    def __init__(self, token):
        self.token = token
        self.asked = 0
        self.uses = []

    async def get(self, token_id):
        self.asked += 1
        return self.token if token_id == self.token.id else None

    async def used(self, token, now):
        self.uses.append(now)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(clock):
    written = Written.of(TEXT)
    return Tokens(Token(written.id, "ann", Role.OPERATOR, written.digest, clock.now, "root"))


@pytest.fixture
def door(tokens, clock):
    return Door(tokens, clock)


def shows(authorization, host=STRANGER):
    headers = [(b"authorization", authorization.encode())] if authorization is not None else []
    return Request({"type": "http", "headers": headers, "client": (host, 1)})


GOOD = f"Bearer {TEXT}"
WRONG = f"Bearer {new_text()}"
SAME_ID = f"Bearer {TEXT[:-1]}{'a' if TEXT[-1] != 'a' else 'b'}"


async def refusal(door, authorization, *, needed=Role.VIEWER, host=STRANGER):
    with pytest.raises(Refusal) as refused:
        await door.admitted(shows(authorization, host), needed)
    return refused.value


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_who_shows_a_token_comes_in_as_its_owner(door, tokens, clock, scheme):
    caller = await door.admitted(shows(f"{scheme} {TEXT}"), Role.OPERATOR)
    assert (caller.by, caller.role, caller.address) == ("api:ann", Role.OPERATOR, STRANGER)
    assert tokens.uses == [clock.now]


async def test_who_has_a_lesser_role_is_told_which_one_is_needed(door):
    refused = await refusal(door, GOOD, needed=Role.ADMIN)
    assert (refused.status, "admin" in str(refused)) == (403, True)
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic YTpi", TEXT],
    ids=["nothing", "empty", "another scheme", "no scheme"],
)
async def test_who_shows_none_is_asked_for_one(door, tokens, authorization):
    refused = await refusal(door, authorization)
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="handrail"')
    assert tokens.asked == 0


@pytest.mark.parametrize(
    "authorization",
    [WRONG, SAME_ID, "Bearer x", "Bearer ", GOOD + "a"],
    ids=["of nobody", "of a known id", "no token", "nothing", "too long"],
)
async def test_a_wrong_token_gets_one_answer_whatever_is_wrong_with_it(door, authorization):
    refused = await refusal(door, authorization)
    assert (refused.status, str(refused)) == (401, "this token does not count")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("change", ["expires_at", "revoked_at"])
async def test_one_that_expired_or_was_revoked_gets_the_same_answer(tokens, clock, change):
    tokens.token = Token(**{**vars(tokens.token), change: clock.now})
    refused = await refusal(Door(tokens, clock), GOOD)
    assert (refused.status, str(refused)) == (401, "this token does not count")


async def test_one_that_expires_later_counts(tokens, clock):
    later = clock.now + timedelta(seconds=1)
    tokens.token = Token(**{**vars(tokens.token), "expires_at": later})
    assert await Door(tokens, clock).admitted(shows(GOOD), Role.VIEWER)


async def test_who_guesses_is_kept_out_until_the_window_is_over(door, tokens, clock):
    for _ in range(WRONG_TOKENS):
        assert (await refusal(door, WRONG)).status == 401
    asked = tokens.asked
    for authorization in (WRONG, GOOD):
        refused = await refusal(door, authorization)
        assert refused.status == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= WINDOW.total_seconds()
    assert tokens.asked == asked
    assert await door.admitted(shows(GOOD, "203.0.113.8"), Role.VIEWER)
    clock.now += WINDOW
    assert await door.admitted(shows(GOOD), Role.VIEWER)


async def test_behind_a_proxy_on_this_machine_a_guesser_keeps_nobody_else_out(door):
    for _ in range(WRONG_TOKENS):
        await refusal(door, WRONG, host=HERE)
    assert (await refusal(door, WRONG, host=HERE)).status == 429
    assert await door.admitted(shows(GOOD, HERE), Role.VIEWER)


async def test_who_shows_none_is_not_counted_as_guessing(door):
    for _ in range(WRONG_TOKENS + 1):
        await refusal(door, None)
    assert await door.admitted(shows(GOOD), Role.VIEWER)


def test_a_token_is_long_begins_with_its_kind_and_is_not_in_what_is_kept(tokens):
    assert TEXT.startswith("hrt_")
    assert len({new_text() for _ in range(100)}) == 100
    assert len(TEXT) == len("hrt_") + 8 + 1 + 43
    assert TEXT not in repr(tokens.token)
    assert TEXT.rpartition("_")[2] not in repr(tokens.token)


@pytest.mark.parametrize(
    ("role", "covered"),
    [
        (Role.VIEWER, [Role.VIEWER]),
        (Role.OPERATOR, [Role.VIEWER, Role.OPERATOR]),
        (Role.ADMIN, [Role.VIEWER, Role.OPERATOR, Role.ADMIN]),
    ],
)
def test_roles_cover_those_before_them(role, covered):
    assert [each for each in Role if role.covers(each)] == covered
