"""Bodies are bounded in number, bytes and time, and whoever comes often waits for a turn."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse

from services.ingest.body import BODY_MOST, received
from services.ingest.gate import Busy, Gate
from services.ingest.refusal import Refusal
from tests.ingest.conftest import BEARER
from tests.ingest.payloads import body, fired
from tests.ingest.test_api import Ingest
from tests.running import until


class Crowd:
    """Those who go through a gate, and stay inside until they are let out."""

    def __init__(self, gate):
        self.gate, self.came, self.inside, self.tasks = gate, [], {}, []

    async def comes(self, name, source="am", size=1):
        """One comes; returns when it is inside or waits."""

        async def go():
            async with self.gate.passed(source, size):
                self.came.append(name)
                self.inside[name] = asyncio.Event()
                await self.inside[name].wait()

        self.tasks.append(asyncio.create_task(go(), name=name))
        await settled()

    async def goes(self, name):
        self.inside[name].set()
        await settled()

    async def all_go(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def crowd(**limits):
    one = Crowd(Gate(**{"most": 4, "most_bytes": 1_000, **limits}))
    yield one
    await one.all_go()
    counts = one.gate.inside, one.gate.inside_bytes, one.gate.waiting
    assert counts == (0, 0, 0)


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_only_so_many_are_inside_and_the_next_goes_in_for_one_that_left():
    async with crowd() as few:
        for name in "abcd":
            await few.comes(name, source=name)
        await few.comes("e", source="e")
        assert (few.came, few.gate.waiting) == (list("abcd"), 1)
        await few.goes("b")
        assert (few.came, few.gate.waiting) == (list("abcde"), 0)


async def test_those_who_wait_go_in_as_they_came():
    async with crowd(most=2) as few:
        for name in "abcde":
            await few.comes(name, source=f"source {name}")
        for left in "ab":
            await few.goes(left)
        assert few.came == list("abcd")


async def test_bytes_are_bounded_too_and_a_large_body_is_not_overtaken():
    async with crowd(most=100) as few:
        await few.comes("a", source="one", size=400)
        await few.comes("b", source="two", size=400)
        await few.comes("large", source="three", size=500)
        await few.comes("small", source="four", size=10)
        assert few.came == ["a", "b"]
        await few.goes("a")
        assert few.came == ["a", "b", "large", "small"]


async def test_what_turned_out_smaller_makes_room():
    gate = Gate(most=4, most_bytes=1_000)
    async with gate.passed("a", 500) as place, gate.passed("b", 500):
        waiting = asyncio.create_task(entered(gate, "c", 400))
        await settled()
        assert not waiting.done()
        gate.shrink(place, 50)
        assert await waiting
    assert (gate.inside, gate.inside_bytes) == (0, 0)


async def entered(gate, source, size):
    async with gate.passed(source, size):
        return True


async def test_one_source_never_has_more_than_half_of_the_room():
    async with crowd() as few:
        for name in ("slow 1", "slow 2", "slow 3"):
            await few.comes(name, source="slow")
        await few.comes("quick", source="quick")
        assert few.came == ["slow 1", "slow 2", "quick"]
        await few.goes("slow 1")
        assert few.came[-1] == "slow 3"


async def test_a_body_larger_than_all_the_room_of_its_source_goes_in_alone():
    async with crowd() as few:
        await few.comes("huge", size=10_000)
        assert few.came == ["huge"]


async def test_whoever_waits_too_long_is_told_so_and_leaves_the_queue():
    async with crowd(most=1, patience=timedelta(milliseconds=20)) as few:
        await few.comes("a", source="one")
        with pytest.raises(Busy, match=r"0\.02 s"):
            await entered(few.gate, "two", 1)
        assert few.gate.waiting == 0


async def test_no_more_wait_than_there_is_memory_for():
    async with crowd(most=1, most_waiting=1) as few:
        await few.comes("a", source="one")
        await few.comes("b", source="two")
        with pytest.raises(Busy, match="1 others wait already"):
            await entered(few.gate, "three", 1)


async def test_one_that_gives_up_leaves_its_turn_to_the_next():
    async with crowd(most=1) as few:
        for name in "abc":
            await few.comes(name, source=name)
        few.tasks[1].cancel()
        await settled()
        await few.goes("a")
        assert few.came == ["a", "c"]


@pytest.fixture
async def alone():
    """The routes over fakes."""
    one = Ingest()
    async with one.http:
        yield one


async def test_two_thousand_posts_at_once_of_an_honest_sender_are_all_accepted(alone):
    posts = (alone.post(body(fired(instance=str(n % 20)))) for n in range(2_000))
    answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {202}
    assert sum(one.count for one in alone.tickets.open.values()) == 2_000


async def test_where_there_is_no_room_the_answer_says_so_and_when_to_come_again(alone):
    alone.gate._patience = timedelta(milliseconds=20)
    alone.gate._most = 1
    async with alone.gate.passed("other", 1):
        answer = await alone.post(body(fired()))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "busy" in answer.json()["error"]
    refused = {"source": "alertmanager", "code": "503", "reason": "busy"}
    assert alone.counted("handrail_webhooks_refused_total", **refused) == 1
    assert (await alone.post(body(fired()))).status_code == 202


async def test_a_body_is_not_read_before_there_is_room_for_it(alone):
    alone.gate._most = 1
    read = []

    async def parts():
        read.append(1)
        yield body(fired())

    async with alone.gate.passed("other", 1):
        post = asyncio.create_task(alone.post(parts()))
        await until(lambda: alone.gate.waiting)
        assert read == []
    assert (await post).status_code == 202


async def test_room_taken_and_those_who_wait_are_shown(alone):
    alone.gate._most = 1
    async with alone.gate.passed("other", 70):
        post = asyncio.create_task(alone.post(body(fired())))
        await until(lambda: alone.gate.waiting)
        names = ("webhooks_in_flight", "webhooks_waiting", "webhooks_held_bytes")
        assert [alone.counted(f"handrail_{name}") for name in names] == [1, 1, 70]
    await post


class Arriving:
    """As much of a request as a body is read from."""

    def __init__(self, *parts, headers=None, hangs=False):
        self.headers, self.parts, self.hangs = headers or {}, parts, hangs

    async def stream(self):
        for part in self.parts:
            yield part
        if self.hangs:
            await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Arriving(b"{", hangs=True), 408),
        (Arriving(headers={"content-length": str(BODY_MOST + 1)}), 413),
        (Arriving(headers={"content-length": "9" * 5_000}), 413),
        (Arriving(*[b" " * BODY_MOST] * 2), 413),
    ],
    ids=["slow", "too large", "absurd", "too large without saying so"],
)
async def test_what_does_not_come_whole_is_refused_and_its_room_is_free(request_, status):
    gate = Gate()
    with pytest.raises(Refusal) as refused:
        async with received(request_, "am", gate, within=timedelta(milliseconds=20)):
            raise AssertionError("it must not come here")
    assert refused.value.status == status
    assert (gate.inside, gate.inside_bytes) == (0, 0)


async def test_a_body_of_unknown_size_has_room_for_the_largest_until_it_is_there():
    gate = Gate()
    async with received(Arriving(b"{}"), "am", gate) as content:
        assert (content, gate.inside_bytes) == (b"{}", 2)


SLOW = b"POST /webhooks/alertmanager HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n"


async def test_senders_that_stop_in_the_middle_hold_nobody_up(ingest):
    slow = [await asyncio.open_connection("127.0.0.1", ingest.base_url.port) for _ in range(50)]
    for _, writer in slow:
        writer.write(SLOW + f"authorization: {BEARER['Authorization']}\r\n\r\n{{".encode())
    answer = await ingest.post("/webhooks/alertmanager", content=body(fired()))
    assert answer.status_code == 202
    for _, writer in slow:
        writer.close()


async def test_a_body_that_stops_is_answered_and_its_connection_closed():
    gate = Gate()

    async def app(scope, receive, send):
        try:
            within = timedelta(milliseconds=20)
            async with received(Request(scope, receive), "am", gate, within=within):
                raise AssertionError("it must not come here")
        except Refusal as refusal:
            answer = JSONResponse(refusal.body, refusal.status, refusal.headers)
            await answer(scope, receive, send)

    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(SLOW + b"\r\n{")
        said = await asyncio.wait_for(reader.read(), 30)
        writer.close()
    assert said.startswith(b"HTTP/1.1 408 ")
    assert "did not come" in json.loads(said.split(b"\r\n\r\n")[1])["error"]


@asynccontextmanager
async def served(app):
    """The application behind the server that services use; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task
