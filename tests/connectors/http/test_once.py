"""What is never repeated, what may be, and what can be cancelled."""

import asyncio

import pytest

from shared.connectors.protocol import (
    Ended,
    Lost,
    TargetUnreachableError,
)
from shared.lifecycle import Effect
from tests.connectors.http.conftest import PURGE, SECRET, job


@pytest.fixture
def vanish(server):
    """The server takes the request in and goes away without an answer."""

    async def gone():
        return None

    server.answers["/v1/purge"] = gone
    return server


async def test_a_request_whose_answer_is_lost_is_lost_and_not_repeated(vanish, connect):
    outcome = await connect().run(job(*PURGE))
    assert isinstance(outcome, Lost)
    assert "not known" in outcome.reason
    assert len(vanish.asked) == 1


async def test_one_that_nobody_answers_in_time_is_lost(server, connect):
    asked, done = asyncio.Event(), asyncio.Event()

    async def hang():
        asked.set()
        await done.wait()

    server.answers["/v1/purge"] = hang
    outcome = await connect().run(job(*PURGE, seconds=3))
    done.set()
    assert asked.is_set()
    assert isinstance(outcome, Lost)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("lines", "effect"),
    [
        (("GET", 'path: "/purge"'), Effect.ONCE),
        (PURGE, Effect.IDEMPOTENT),
        (PURGE, Effect.READ_ONLY),
    ],
)
async def test_what_may_be_repeated_is(server, connect, lines, effect):
    tries = iter([None, None, (200, {}, b"done")])

    async def third_time():
        return next(tries)

    server.answers["/v1/purge"] = third_time
    ended = await connect().run(job(*lines, effect=effect))
    assert (ended.exit_code, ended.stdout) == (0, "done")
    assert len(server.asked) == 3
    assert len({asked.headers.get("idempotency-key") for asked in server.asked}) == 1


async def test_a_host_that_takes_no_connection_certainly_did_nothing(connect):
    connector = connect(url="https://localhost:1/")
    with pytest.raises(TargetUnreachableError) as error:
        await connector.run(job(*PURGE, seconds=1))
    assert error.value.may_have_started is False
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("lines", "effect", "known"),
    [
        (PURGE, Effect.ONCE, False),
        (PURGE, Effect.IDEMPOTENT, True),
        (PURGE, Effect.CHECK_THEN_ACT, True),
        (("GET", 'path: "/x"'), Effect.ONCE, True),
    ],
)
async def test_after_its_owner_died_only_once_is_not_asked_again(connect, lines, effect, known):
    outcome = await connect().reattach(job(*lines, effect=effect))
    assert outcome is None if known else isinstance(outcome, Lost)


async def test_what_was_sent_cannot_be_cancelled(server, connect):
    asked, done = asyncio.Event(), asyncio.Event()

    async def hang():
        asked.set()
        await done.wait()
        return 200, {}, b"done"

    server.answers["/v1/purge"] = hang
    connector = connect()
    running = asyncio.create_task(connector.run(job(*PURGE)))
    await asked.wait()
    assert await connector.cancel("session-step-1") is False
    done.set()
    assert (await running).exit_code == 0


async def test_what_was_not_sent_is_cancelled_and_never_sent(server, connect):
    resolving = asyncio.Event()

    async def slow(host, port):
        resolving.set()
        await asyncio.Event().wait()

    connector = connect(resolve=slow)
    running = asyncio.create_task(connector.run(job(*PURGE)))
    await resolving.wait()
    assert await connector.cancel("session-step-1") is True
    ended = await running
    assert isinstance(ended, Ended)
    assert ended.cancelled
    assert (await connector.run(job(*PURGE))).cancelled
    assert server.asked == []


async def test_one_that_finds_nobody_is_sent_when_somebody_is_there(server, connect):
    tries = []

    async def third_time(host, port):
        tries.append(host)
        return ["127.0.0.9"] if len(tries) < 3 else ["127.0.0.1"]

    server.answers["/v1/purge"] = (200, {}, b"")
    assert (await connect(resolve=third_time).run(job(*PURGE))).exit_code == 0
    assert len(server.asked) == 1
