"""A yes may be taken back until its step begins: then people are asked anew, and only then."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.executor import progress
from services.executor.admission.verdict import Hold
from services.executor.advance import admit, settle
from services.executor.changes import Changes
from services.executor.consent import check_approval, check_withdrawal
from services.executor.handlers import heed_withdrawal, run_approved
from services.executor.moves import Result
from services.executor.store import MongoSessions
from services.executor.withdrawal import is_taken_back, withdrawn
from shared.events import (
    Answer,
    Decision,
    Retry,
    StepApprovalWithdrawn,
    StepApproved,
    StepAwaitingApproval,
)
from shared.lifecycle import StepState
from shared.oncall.keeping import Rosters
from shared.signing import ForgedDecisionError, Signer
from tests.executor.fakes import KeptOutbox
from tests.executor.going import approved, begin, ended, gone_on, looked_again, paused
from tests.executor.sessions import NOW, session, step

SIGNER = Signer(SecretStr("k" * 32))
ADA, BOB = "ada@example.com", "bob@example.com"


def asked(**fields):
    """A session whose only step waits for a yes."""
    return begin(session(step("a", asks=1, **fields)), "me", NOW, source_resolved=False).session


def held(of):
    """The session after the yes, while something else is worked on."""
    move = progress.approved(of, "a", "me", NOW)
    return settle(admit(move, {"a": Hold("busy", "lock here")})).session


def decisions(of, *said, signer=SIGNER):
    a = of.step("a")
    about = {"approval_id": of.approval_id(a), "step_hash": a.digest(of.id)}
    return tuple(
        signer.signed(
            Decision(answer=answer, by=by, at=NOW, channel="email", reason="why", place=place),
            **about,
        )
        for place, (by, answer) in enumerate(said)
    )


YES, NO, BACK = Answer.APPROVE, Answer.REJECT, Answer.WITHDRAW


def told(of, *said, kind=StepApprovalWithdrawn, signer=SIGNER, **changes):
    a = of.step("a")
    return kind.about(
        of.id,
        ticket_id=of.ticket_id,
        session_id=of.id,
        **{
            "step_id": "a",
            "approval_id": of.approval_id(a),
            "step_hash": a.digest(of.id),
            "decisions": decisions(of, *said, signer=signer),
            **changes,
        },
    )


def taken_back(of, event=None, *, now=NOW):
    event = event or told(of, (ADA, YES), (ADA, BACK))
    return gone_on(withdrawn(of, event, "me", now, why="ada took it back"))


def test_people_are_asked_anew_about_a_step_that_waits_for_something_else():
    waiting = held(asked())
    before = waiting.approval_id(waiting.step("a"))
    move = taken_back(waiting)
    (event,) = move.events
    run = move.session.run("a")
    assert isinstance(event, StepAwaitingApproval)
    assert (event.replaces, event.again) == (before, "ada took it back")
    assert event.approval_id == run.approval_id != before
    assert (run.state, run.agreed, run.held) == (StepState.AWAITING_APPROVAL, 0, "")
    assert move.claimed == []


def test_people_are_asked_anew_also_while_the_session_is_paused():
    still = paused(asked(), "me", NOW, why="ann").session
    waiting = approved(still, "a", "me", NOW).session
    assert waiting.run("a").state is StepState.READY
    move = taken_back(waiting)
    assert move.session.run("a").state is StepState.AWAITING_APPROVAL
    assert [event.subject for event in move.events] == ["step.awaiting_approval"]
    assert approved(move.session, "a", "me", NOW).claimed == []


def test_what_is_taken_back_before_the_yes_is_heard_is_asked_anew_and_the_yes_comes_too_late():
    waiting = asked()
    yes = told(waiting, (ADA, YES), kind=StepApproved)
    move = taken_back(waiting)
    assert move.session.run("a").state is StepState.AWAITING_APPROVAL
    assert is_taken_back(move.session, yes)
    with pytest.raises(ForgedDecisionError):
        check_approval(move.session, yes, SIGNER)


def test_a_new_yes_lets_it_run_and_says_nothing_of_the_old_one():
    move = taken_back(held(asked()))
    again = approved(move.session, "a", "me", NOW)
    assert again.claimed == ["a"]
    assert not again.session.run("a").again


def test_a_step_that_has_begun_runs_on():
    running = approved(asked(), "a", "me", NOW).session
    assert withdrawn(running, told(running, (ADA, YES), (ADA, BACK)), "me", NOW, why="") is None
    run = running.run("a")
    over = ended(running, "a", "me", NOW, fence=run.fence, result=Result(exit_code=0)).session
    assert withdrawn(over, told(over, (ADA, YES), (ADA, BACK)), "me", NOW, why="") is None


def test_people_are_asked_anew_also_where_another_try_waits_for_something_else():
    running = approved(asked(retry=Retry(attempts=2)), "a", "me", NOW).session
    failed = {"fence": running.run("a").fence, "result": Result(exit_code=1)}
    move = progress.ended(running, "a", "me", NOW, **failed)
    waiting = settle(admit(move, {"a": Hold("busy", "lock here")})).session
    assert waiting.run("a").agreed == 1
    run = taken_back(waiting).session.run("a")
    assert (run.state, run.agreed) == (StepState.AWAITING_APPROVAL, 0)


def test_the_same_withdrawal_asks_once():
    waiting = held(asked())
    event = told(waiting, (ADA, YES), (ADA, BACK))
    move = taken_back(waiting, event)
    assert is_taken_back(move.session, event)
    later = looked_again(move.session, "me", NOW + timedelta(minutes=1))
    assert later.events == []


def test_who_takes_a_yes_back_is_told_with_the_reason():
    waiting = held(asked())
    why = check_withdrawal(waiting, told(waiting, (ADA, YES), (ADA, BACK)), SIGNER)
    assert why == "ada@example.com took the yes back: why"


STRANGER = Signer(SecretStr("x" * 32))


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ((), {}),
        (((ADA, YES),), {}),
        (((ADA, BACK),), {}),
        (((ADA, YES), (BOB, BACK)), {}),
        (((ADA, NO), (ADA, BACK)), {}),
        (((ADA, YES), (ADA, BACK), (ADA, BACK)), {}),
        (((ADA, YES), (ADA, BACK)), {"signer": STRANGER}),
        (((ADA, YES), (ADA, BACK)), {"step_hash": "0" * 64}),
        (((ADA, YES), (ADA, BACK)), {"step_id": "b"}),
    ],
    ids=[
        "nobody",
        "a yes",
        "nothing said before",
        "another person",
        "a no before",
        "twice",
        "another key",
        "another command",
        "another step",
    ],
)
def test_a_forged_withdrawal_takes_nothing_back(said, changes):
    waiting = held(asked())
    with pytest.raises(ForgedDecisionError):
        check_withdrawal(waiting, told(waiting, *said, **changes), SIGNER)


def test_a_withdrawal_cannot_be_left_out_between_other_answers():
    waiting = begin(session(step("a", asks=2)), "me", NOW, source_resolved=False).session
    all_ = decisions(waiting, (ADA, YES), (ADA, BACK), (BOB, YES))
    yes = told(waiting, kind=StepApproved, decisions=(all_[0], all_[2]))
    with pytest.raises(ForgedDecisionError, match="was number 3, and is told as number 2"):
        check_approval(waiting, yes, SIGNER)
    with pytest.raises(ForgedDecisionError, match="needs a yes of 2, and 1"):
        check_approval(waiting, told(waiting, kind=StepApproved, decisions=all_), SIGNER)


class Racing:
    """A store in which two judge the same session before either of them writes."""

    def __init__(self, sessions, first):
        self._sessions, self._first = sessions, first
        self._judged, self._written = asyncio.Barrier(2), asyncio.Event()
        self._racing = 2

    async def load(self, session_id):
        return await self._sessions.load(session_id)

    async def save(self, rev, move):
        if not self._racing:
            return await self._sessions.save(rev, move)
        self._racing -= 1
        await self._judged.wait()
        if move.owner != self._first:
            await self._written.wait()
        try:
            return await self._sessions.save(rev, move)
        finally:
            self._written.set()


@pytest.mark.parametrize("first", ["begins", "asks"])
async def test_a_withdrawal_against_the_beginning_ends_one_way(db, first):
    """Two executors, of which one lets the step begin and the other heeds the withdrawal."""
    waiting = held(asked())
    event = told(waiting, (ADA, YES), (ADA, BACK))
    sessions = MongoSessions(db)
    document = waiting.model_dump(mode="json", exclude={"id", "ticket_id"})
    ids = {"_id": waiting.id, "ticket_id": waiting.ticket_id}
    await db.sessions.insert_one({**document, **ids})
    racing = Racing(sessions, first)
    owners = {owner: replica(owner, racing) for owner in ("begins", "asks")}
    started, back = await asyncio.gather(
        owners["begins"].make(waiting.id, lambda of: progress.looked_again(of, "begins", NOW)),
        owners["asks"].make(waiting.id, lambda of: withdrawn(of, event, "asks", NOW, why="ada")),
    )
    run = (await sessions.load(waiting.id)).run("a")
    if first == "begins":
        assert (run.state, run.attempt, back) == (StepState.RUNNING, 1, None)
        assert started.claimed == ["a"]
    else:
        assert (run.state, run.attempt) == (StepState.AWAITING_APPROVAL, 0)
        assert [each.subject for each in back.events] == ["step.awaiting_approval"]
        assert started is None or not started.claimed


def replica(owner, sessions):
    async def admitted(move):
        return gone_on(move)

    return Changes(
        owner,
        sessions=sessions,
        outbox=KeptOutbox(),
        admitted=admitted,
        stored=lambda _: None,
        signed=lambda event: event,
    )


class OneSession:
    """An engine of one session that is stored nowhere."""

    owner = "me"

    def __init__(self, of):
        self.session = of

    async def change(self, _session_id, decide):
        move = gone_on(decide(self.session))
        if move is not None:
            self.session = move.session
        return move


async def test_in_whichever_order_a_yes_and_its_withdrawal_are_heard_people_are_asked_anew():
    waiting = asked()
    yes = told(waiting, (ADA, YES), kind=StepApproved)
    back = told(waiting, (ADA, YES), (ADA, BACK))
    engine = OneSession(waiting)
    await heed_withdrawal(back, engine, SIGNER)
    await run_approved(yes, engine, SIGNER, Rosters())
    await heed_withdrawal(back, engine, SIGNER)
    run = engine.session.run("a")
    assert (run.state, run.asked) == (StepState.AWAITING_APPROVAL, 2)
    again = told(engine.session, (BOB, YES), kind=StepApproved)
    await run_approved(again, engine, SIGNER, Rosters())
    assert engine.session.run("a").state is StepState.RUNNING
    # And once it runs, neither changes anything.
    await heed_withdrawal(told(engine.session, (BOB, YES), (BOB, BACK)), engine, SIGNER)
    assert engine.session.run("a").state is StepState.RUNNING


async def test_a_paused_session_is_looked_at_again_only_for_what_people_are_asked(db):
    """A dry run may have to end first."""
    paused_ = held(asked()).model_copy(update={"paused": "ann"})
    assert paused_.held_on == []
    event = told(paused_, (ADA, YES), (ADA, BACK))
    move = withdrawn(paused_, event, "me", NOW, why="ada took it back")
    waits = settle(admit(move, {"a": Hold("a dry run is under way", "dry run")}))
    assert waits.session.held_on == ["dry run"]
    sessions = MongoSessions(db)
    document = paused_.model_dump(mode="json", exclude={"id", "ticket_id"})
    await db.sessions.insert_one({**document, "_id": paused_.id, "ticket_id": paused_.ticket_id})
    await sessions.save(0, waits)
    assert await sessions.held_back(["dry run"]) == [(paused_.id, ["dry run"])]
    again = looked_again(await sessions.load(paused_.id), "me", NOW)
    assert again.session.run("a").state is StepState.AWAITING_APPROVAL
