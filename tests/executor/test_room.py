"""Who waits for room goes on when there is some, in the order in which they came."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from services.executor.moves import Move
from services.executor.room import Room
from tests.executor.fakes import eventually
from tests.executor.sessions import NOW, session

A, B, C = (UUID(int=number) for number in range(3))


class Waiting:
    """Sessions and what each waits for; who is asked to go on, and who then can."""

    def __init__(self, *held, can=()):
        self.held = list(held)
        self.can = set(can)
        self.asked = []
        self.reads = 0

    async def held_back(self, on=None, *, limit=0):
        self.reads += 1
        return [(id_, on_) for id_, on_ in self.held if on is None or set(on) & set(on_)]

    async def go_on(self, session_id):
        self.asked.append(session_id)
        if session_id not in self.can:
            return None
        return Move(session().model_copy(update={"id": session_id}), "me", NOW)


@pytest.mark.parametrize(
    ("held", "can", "asked"),
    [
        ([(A, ["lock x"]), (B, ["lock x"])], [], [A]),
        ([(A, ["lock x"]), (B, ["lock y"])], [], [A, B]),
        ([(A, ["lock x"]), (B, ["lock x", "lock y"])], [], [A, B]),
        # A lock has room for one, a target may have room for several.
        ([(A, ["lock x"]), (B, ["lock x"])], [A], [A]),
        ([(A, ["target x"]), (B, ["target x"]), (C, ["target x"])], [A], [A, B]),
    ],
    ids=["same", "other", "also other", "lock", "places"],
)
async def test_who_is_looked_at(held, can, asked):
    waiting = Waiting(*held, can=can)
    await Room(waiting, waiting.go_on).look()
    assert waiting.asked == asked


async def test_nothing_is_read_when_nobody_waits_for_what_is_free():
    waiting = Waiting((A, ["lock x"]))
    room = Room(waiting, waiting.go_on)
    room.awaited(["lock x"])
    await room.free(["lock y", "target x"])
    assert waiting.reads == 0
    await room.free(["lock x"])
    assert waiting.asked == [A]


async def test_who_needs_long_keeps_nobody_waiting_and_is_not_asked_twice():
    waiting, may_end = Waiting((A, ["lock x"]), (B, ["lock x"])), asyncio.Event()

    async def go_on(session_id):
        waiting.asked.append(session_id)
        if session_id == A:
            await may_end.wait()

    room = Room(waiting, go_on, patience=timedelta(seconds=0.01))
    await room.look()
    await eventually(lambda: waiting.asked == [A, B])
    waiting.held.pop()
    await room.look()
    assert waiting.asked == [A, B]
    may_end.set()
    await eventually(lambda: not room._going_on)
    await room.look()
    assert waiting.asked == [A, B, A]
    await room.close()
