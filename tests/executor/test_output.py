"""What commands write is told live, stored in chunks, then whole; and no command waits for it."""

import asyncio
from datetime import timedelta

import pytest

from services.executor import output
from services.executor.moves import Result, Wrote
from services.executor.output import FLUSH_AT, HEAD, TAIL, Attempt, Window
from services.executor.transcript import Piece
from shared.connectors.protocol import Chunk, Stream
from tests.executor.fakes import Air, MemoryOutput, eventually, outputs
from tests.executor.sessions import NOW, SESSION_ID, running, session, step

RUNNING = session(step("a"), runs={"a": running()})
TAKEN_OVER = session(step("a"), runs={"a": running(fence=2)})
DONE = Result(exit_code=0, wrote=Wrote("all of it", ""))


def chunk(text, offset=0):
    return Chunk(Stream.STDOUT, offset, text)


def piece(text, offset):
    return Piece(Stream.STDOUT, offset, text, NOW)


class Stuck(MemoryOutput):
    """Takes nothing, and says nothing."""

    async def add(self, attempt, pieces, gone):
        self.asked = True
        await asyncio.Event().wait()


async def test_what_is_written_is_told_with_its_place():
    air = Air()
    live = outputs(air=air).live(RUNNING, "a")
    await live.add(chunk("one"))
    await live.add(chunk("two", 3))
    await live.end(DONE)
    assert [subject for subject, _ in air.heard] == [f"output.{SESSION_ID}"] * 2
    assert air.heard[1][1] == {
        "step_id": "a",
        "attempt": 1,
        "stream": "stdout",
        "offset": 3,
        "text": "two",
        "at": NOW.isoformat(),
    }


async def test_it_is_stored_while_the_command_runs():
    store = MemoryOutput()
    live = outputs(store).live(RUNNING, "a")
    await live.add(chunk("one"))
    await live.add(chunk("two", 3))
    await eventually(lambda: store.chunks, seconds=30)
    assert [(kept.offset, kept.text) for kept in store.chunks] == [(0, "onetwo")]
    await live.end(DONE)
    assert store.whole["a", 1].stdout == "all of it"


async def test_a_short_output_is_stored_once_when_it_is_whole():
    store = MemoryOutput()
    live = outputs(store).live(RUNNING, "a")
    await live.add(chunk("one"))
    await live.end(DONE)
    assert (store.chunks, store.whole["a", 1].stdout) == ([], "all of it")


async def test_a_silent_command_leaves_nothing():
    store = MemoryOutput()
    await outputs(store).live(RUNNING, "a").end(Result(exit_code=0, wrote=Wrote("", "")))
    assert store.whole == {}


async def test_what_was_seen_is_kept_of_a_command_whose_end_was_not():
    store = MemoryOutput()
    live = outputs(store, secrets=["farther"]).live(RUNNING, "a")
    await live.add(chunk("so far"))
    await live.end(None)
    assert "".join(kept.text for kept in store.chunks) == "so far"


async def test_chunks_of_an_earlier_owner_go_with_the_end():
    asked = []

    class Store(MemoryOutput):
        async def replace(self, attempt, whole, *, chunks):
            asked.append(chunks)

    for plan in (RUNNING, TAKEN_OVER):
        await outputs(Store()).live(plan, "a").end(DONE)
    assert asked == [False, True]


async def test_a_store_that_does_not_answer_keeps_no_command_waiting():
    store, air = Stuck(), Air()
    live = outputs(store, air).live(RUNNING, "a")
    await live.add(chunk("one"))
    await eventually(lambda: getattr(store, "asked", False), seconds=30)
    for number in range(1, 50):
        await live.add(chunk("x" * 1000, 1000 * number))
    assert len(air.heard) == 50


async def test_what_the_store_did_not_take_is_stored_when_it_is_back():
    store = MemoryOutput()
    store.away = True
    live = outputs(store).live(RUNNING, "a")
    await live.add(chunk("x" * FLUSH_AT))
    await eventually(lambda: live._complained, seconds=30)
    store.away = False
    await live.add(chunk("y", FLUSH_AT))
    await live.end(None)
    assert "".join(kept.text for kept in store.chunks) == "x" * FLUSH_AT + "y"


@pytest.mark.parametrize(
    ("stdout", "cut"), [("all", False), ("a\n[7 bytes are left out here]\nz", True)]
)
def test_an_output_says_whether_it_was_cut(stdout, cut):
    made = output.Whole(stdout, "", 0, NOW, NOW + timedelta(seconds=1), None)
    assert made.cut is cut


def test_neighbours_are_stored_together_up_to_a_size():
    window = Window()
    window.add(piece("a", 0))
    window.add(piece("b", 1))
    window.add(piece("c", 10))
    window.add(piece("d" * FLUSH_AT, 11))
    assert [(p.offset, len(p.text)) for p in window.taken()] == [(0, 2), (10, 1), (11, FLUSH_AT)]
    assert window.taken() == []


def test_the_head_stays_and_the_middle_goes():
    window, stored = Window(), set()
    for number in range(100):
        window.add(piece("x" * 10_000, 10_000 * number))
        stored |= {p.offset for p in window.taken()}
        stored -= set(window.given_up())
    kept = sorted(stored)
    head = [offset for offset in kept if offset < HEAD]
    tail = [offset for offset in kept if offset >= HEAD]
    assert head == list(range(0, HEAD, 10_000))
    assert tail[-1] == 990_000
    assert TAIL <= 1_000_000 - tail[0] < TAIL + 10_000


def test_no_more_waits_for_a_slow_store_than_would_be_kept():
    window = Window()
    for number in range(1000):
        window.add(piece("x" * 10_000, 10_000 * number))
    assert window.size <= HEAD + TAIL + 20_000


def test_what_was_not_stored_is_taken_again_first():
    window = Window()
    window.add(piece("a", 0))
    taken = window.taken()
    window.add(piece("b", 1))
    window.put_back(taken)
    assert [(p.offset, p.text) for p in window.taken()] == [(0, "ab")]


@pytest.mark.parametrize(
    ("fence", "claimed", "is_taken_over"),
    [(1, 0, False), (2, 0, True), (3, 3, False), (4, 3, True)],
)
def test_output_counts_as_somebody_elses_only_where_the_attempt_was_taken_over(
    fence, claimed, is_taken_over
):
    assert Attempt(SESSION_ID, "a", 1, fence, claimed).is_taken_over is is_taken_over
