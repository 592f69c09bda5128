"""Changes of one session are made one after the other, and those that wait in one write."""

import asyncio
from datetime import timedelta

import pytest

from services.executor.advance import settle
from services.executor.changes import Changes, NoSuchSessionError
from services.executor.moves import Move, joined
from services.executor.progress import begin, paused
from shared.errors import PermanentError, UnavailableError
from shared.events import SessionStarted
from tests.executor.fakes import KeptOutbox, MemorySessions, eventually
from tests.executor.sessions import NOW, SESSION_ID, running, session, step


class RefusedError(PermanentError):
    """Somebody may not do what they want."""


class Slow(MemorySessions):
    """A store in which a save waits until it may end; the first ``failing`` ones fail."""

    def __init__(self, *sessions):
        super().__init__(*sessions)
        self.may_end = asyncio.Event()
        self.saves = self.loads = self.failing = 0

    async def load(self, session_id):
        self.loads += 1
        return await super().load(session_id)

    async def save(self, rev, move):
        self.saves += 1
        await self.may_end.wait()
        if self.failing:
            self.failing -= 1
            raise UnavailableError("away")
        return await super().save(rev, move)


def changes(sessions, *, stored=None, admitted=None, signed=lambda event: event, **given):
    async def let_in(move):
        return settle(move)

    return Changes(
        "me",
        sessions=sessions,
        outbox=KeptOutbox(),
        admitted=admitted or let_in,
        stored=(stored if stored is not None else []).append,
        signed=signed,
        **given,
    )


def because(why):
    """A decision that adds a reason to a session."""

    def decide(of):
        reasons = {"reasons": (*of.reasons, why)}
        return None if why in of.reasons else Move(of.model_copy(update=reasons), "me", NOW)

    return decide


def refused(_session):
    raise RefusedError("no")


def reasons(sessions):
    return sessions.stored[SESSION_ID].reasons[1:]


async def test_what_is_wanted_while_a_change_is_stored_is_stored_together():
    sessions, stored = Slow(session()), []
    made = changes(sessions, stored=stored)
    wanted = [asyncio.create_task(made.make(SESSION_ID, because(str(n)))) for n in range(20)]
    await eventually(lambda: sessions.saves)
    sessions.may_end.set()
    await asyncio.gather(*wanted)
    assert reasons(sessions) == tuple(map(str, range(20)))
    assert sessions.saves == len(stored) <= 2
    assert made._lanes == {}


async def test_who_wants_nothing_and_who_may_not_are_told_so_beside_the_others():
    sessions = Slow(session())
    sessions.may_end.set()
    made = changes(sessions)
    wishes = (because("x"), lambda _: None, refused, because("y"))
    wanted = [made.make(SESSION_ID, decide) for decide in wishes]
    found = await asyncio.gather(*wanted, return_exceptions=True)
    assert [type(each).__name__ for each in found] == ["Move", "NoneType", "RefusedError", "Move"]
    assert reasons(sessions) == ("x", "y")


async def test_a_change_that_could_not_be_stored_is_made_for_those_that_wait():
    sessions = Slow(session())
    sessions.failing = 1
    made = changes(sessions)
    wanted = [asyncio.create_task(made.make(SESSION_ID, because(why))) for why in "xy"]
    await eventually(lambda: sessions.saves)
    sessions.may_end.set()
    found = await asyncio.gather(*wanted, return_exceptions=True)
    assert isinstance(found[0], UnavailableError)
    assert "y" in reasons(sessions)


async def test_who_leaves_in_the_middle_of_a_change_keeps_nobody_waiting():
    sessions = Slow(session())
    made = changes(sessions)
    first = asyncio.create_task(made.make(SESSION_ID, because("x")))
    await eventually(lambda: sessions.saves)
    second = asyncio.create_task(made.make(SESSION_ID, because("y")))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    sessions.may_end.set()
    await second
    assert reasons(sessions) == ("y",)
    assert made._lanes == {}


async def test_who_decides_for_long_lets_others_go_ahead():
    sessions, began, may_end = MemorySessions(session()), asyncio.Event(), asyncio.Event()

    async def admitted(move):
        if "slow" in move.session.reasons and "quick" not in move.session.reasons:
            began.set()
            await may_end.wait()
        return settle(move)

    made = changes(sessions, admitted=admitted, turn=timedelta(seconds=0.01))
    slow = asyncio.create_task(made.make(SESSION_ID, because("slow")))
    await began.wait()
    await made.make(SESSION_ID, because("quick"))
    assert reasons(sessions) == ("quick",)
    may_end.set()
    await slow
    assert reasons(sessions) == ("quick", "slow")


async def test_a_session_of_which_a_step_runs_here_is_not_read_again():
    sessions = Slow(session(step("a"), step("b")))
    sessions.may_end.set()
    made = changes(sessions)

    def claimed(of):
        return Move(of.with_run("a", running()), "me", NOW)

    await made.make(SESSION_ID, claimed)
    await made.make(SESSION_ID, because("x"))
    assert sessions.loads == 1
    await made.make(SESSION_ID, because("x"))
    assert sessions.loads == 2, "that nothing is wanted is believed only of the session as it is"


async def test_a_session_that_is_not_there_is_waited_for():
    with pytest.raises(NoSuchSessionError):
        await changes(MemorySessions()).make(SESSION_ID, because("x"))


def test_two_changes_are_one_with_the_events_of_both_in_their_order():
    first = begin(session(), "me", NOW, source_resolved=False)
    then = paused(first.session, "me", NOW, why="ann")
    then.tell(SessionStarted, "again", runbook="restart")
    whole = joined(first, then)
    assert whole.session.paused == "ann"
    assert whole.events[:-1] == first.events
    assert whole.events[-1].time > first.events[-1].time
