"""The desk: of many answers exactly one outcome, told once, lost never."""

import asyncio
from datetime import UTC, timedelta

import pytest

from services.notifier.desk import Desk
from services.notifier.links import Channel
from services.notifier.question import AlreadyAnswered, AlreadyDecided, NotAsked, Recorded
from services.notifier.store import MongoQuestions
from shared.config.schedules import ScheduleConfig
from shared.events import Answer, Refusal, StepApproved, StepRejected
from shared.oncall.keeping import Rosters
from shared.outbox import OVERDUE
from tests.notifier.builders import ALICE, APPROVAL_ID, BOB, HASH, SIGNER, approval, link

YES, NO = Answer.APPROVE, Answer.REJECT


@pytest.fixture
def desk(approvals, clock) -> Desk:
    return Desk(approvals, SIGNER, clock)


async def test_an_answer_is_signed_over_the_step_and_told(desk, approvals, bus):
    asked = await approvals.open(approval())
    await desk.answer(asked, link(asked), YES, reason="")
    (event,) = bus.of(StepApproved)
    (said,) = event.decisions
    SIGNER.check(said, approval_id=APPROVAL_ID, step_hash=HASH)
    assert (said.by, said.channel, said.answer) == (ALICE.email, "email", YES)


async def test_a_rejection_carries_its_reason(desk, approvals, bus):
    asked = await approvals.open(approval())
    await desk.answer(asked, link(asked), NO, reason="wrong host")
    (event,) = bus.of(StepRejected)
    assert (event.refusal, event.decisions[0].reason) == (Refusal.REJECTED, "wrong host")


async def test_a_question_for_two_is_told_when_the_second_answered(desk, approvals, bus):
    asked = await approvals.open(approval(required=2))
    await desk.answer(asked, link(asked), YES, reason="")
    assert bus.events == []
    # The second reader has the page from before the first answer.
    await desk.answer(asked, link(asked, BOB.email), YES, reason="")
    (event,) = bus.of(StepApproved)
    assert [d.by for d in event.decisions] == [ALICE.email, BOB.email]


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.CHAT, Channel.SLACK, Channel.TELEGRAM])
async def test_a_link_of_who_is_no_longer_under_people_decides_nothing(
    approvals, bus, clock, channel
):
    desk = Desk(approvals, SIGNER, clock, people=[ALICE.email.upper()])
    asked = await approvals.open(approval())
    gone = link(asked, BOB.email, channel)
    for outcome in (
        await desk.answer(asked, gone, YES, reason=""),
        await desk.answer(asked, gone, NO, reason=""),
        await desk.propose(asked, gone, {"unit": "other"}, reason=""),
    ):
        assert isinstance(outcome, NotAsked)
        assert "no longer under `people`" in outcome.reason
    assert bus.events == []
    known = await desk.answer(asked, link(asked, channel=channel), YES, reason="")
    assert isinstance(known, Recorded)


async def test_the_terminal_answers_though_nobody_is_under_people(approvals, clock):
    desk = Desk(approvals, SIGNER, clock, people=())
    asked = await approvals.open(approval())
    said = await desk.answer(asked, link(asked, "ada", Channel.TERMINAL), YES, reason="")
    assert isinstance(said, Recorded)


async def test_one_person_cannot_be_two(desk, approvals, bus):
    asked = await approvals.open(approval(required=2))
    await desk.answer(asked, link(asked), YES, reason="")
    again = await desk.answer(asked, link(asked), YES, reason="")
    assert isinstance(again, AlreadyAnswered)
    assert bus.events == []


async def test_a_withdrawn_approval_records_nothing(desk, approvals, bus, clock):
    asked = await approvals.open(approval())
    await approvals.supersede(asked.session_id, clock())
    outcome = await desk.answer(asked, link(asked), YES, reason="")
    assert outcome == AlreadyDecided("superseded")
    assert bus.events == []


async def test_what_nobody_answered_is_rejected_with_a_signature(desk, approvals, bus, clock):
    asked = await approvals.open(approval())
    clock.now = asked.expires_at
    await desk.expire()
    await desk.expire()
    (event,) = bus.events
    assert event.refusal is Refusal.EXPIRED
    SIGNER.check_expiry(event.signature, approval_id=APPROVAL_ID, step_hash=HASH)


async def test_one_of_two_yeses_is_not_enough_when_time_is_over(desk, approvals, bus, clock):
    asked = await approvals.open(approval(required=2))
    await desk.answer(asked, link(asked), YES, reason="")
    clock.now = asked.expires_at + timedelta(seconds=1)
    await desk.expire()
    assert [event.refusal for event in bus.of(StepRejected)] == [Refusal.EXPIRED]


async def test_before_its_time_nothing_expires(desk, approvals, bus, clock):
    asked = await approvals.open(approval())
    clock.now = asked.expires_at - timedelta(seconds=1)
    await desk.expire()
    assert bus.events == []


class Racing(MongoQuestions):
    """Lets writers go only when all have judged the same state, as two people who press at once."""

    def __init__(self, db, publish, parties) -> None:
        super().__init__(db, publish)
        self._barrier = asyncio.Barrier(parties)
        self._parties = parties

    async def record(self, before, after, events):
        if self._parties:
            self._parties -= 1
            await self._barrier.wait()
        return await super().record(before, after, events)


@pytest.mark.parametrize("answers", [(YES, NO), (NO, YES), (YES, YES), (NO, NO)])
async def test_of_two_who_press_at_once_one_decides_and_the_other_is_told(db, bus, clock, answers):
    racing = Racing(db, bus.publish, parties=2)
    desk = Desk(racing, SIGNER, clock)
    asked = await racing.open(approval())
    outcomes = await asyncio.gather(
        desk.answer(asked, link(asked), answers[0], reason="a"),
        desk.answer(asked, link(asked, BOB.email), answers[1], reason="b"),
    )
    (winner,) = [o for o in outcomes if isinstance(o, Recorded)]
    (loser,) = [o for o in outcomes if not isinstance(o, Recorded)]
    assert loser == AlreadyDecided(winner.question.state)
    assert len(bus.events) == 1


async def test_two_first_yeses_at_once_make_two(db, bus, clock):
    racing = Racing(db, bus.publish, parties=2)
    desk = Desk(racing, SIGNER, clock)
    asked = await racing.open(approval(required=2))
    outcomes = await asyncio.gather(
        desk.answer(asked, link(asked), YES, reason=""),
        desk.answer(asked, link(asked, BOB.email), YES, reason=""),
    )
    assert all(isinstance(o, Recorded) for o in outcomes)
    (event,) = bus.of(StepApproved)
    assert {d.by for d in event.decisions} == {ALICE.email, BOB.email}


async def test_one_person_who_presses_twice_at_once_is_one(db, bus, clock):
    racing = Racing(db, bus.publish, parties=2)
    desk = Desk(racing, SIGNER, clock)
    asked = await racing.open(approval(required=2))
    outcomes = await asyncio.gather(
        desk.answer(asked, link(asked), YES, reason=""),
        desk.answer(asked, link(asked), YES, reason=""),
    )
    assert sorted(type(o).__name__ for o in outcomes) == ["AlreadyAnswered", "Recorded"]
    assert bus.events == []


async def test_an_answer_against_an_expiry_at_the_same_moment_is_one_outcome(db, bus, clock):
    racing = Racing(db, bus.publish, parties=2)
    asked = await racing.open(approval())
    late = Desk(racing, SIGNER, lambda: asked.expires_at)
    await asyncio.gather(
        Desk(racing, SIGNER, clock).answer(asked, link(asked), YES, reason=""), late.expire()
    )
    assert len(bus.events) == 1


async def test_a_decision_made_while_the_bus_is_down_is_told_later(db, mongo_approvals, bus, clock):
    desk = Desk(mongo_approvals, SIGNER, clock)
    asked = await mongo_approvals.open(approval())
    bus.down = True
    outcome = await desk.answer(asked, link(asked), YES, reason="")
    assert isinstance(outcome, Recorded)
    bus.down = False
    overdue = {"$subtract": ["$$NOW", int(OVERDUE.total_seconds() * 1000) + 1]}
    await db.approvals.update_one({"_id": asked.id}, [{"$set": {"outbox_at": overdue}}])
    await mongo_approvals.sweep()
    assert [d.by for d in bus.of(StepApproved)[0].decisions] == [ALICE.email]


async def test_a_link_to_another_step_finds_nothing(desk, approvals):
    asked = await approvals.open(approval())
    other = asked.model_copy(update={"step_hash": "cd" * 32})
    assert await desk.find(link(other)) is None
    assert await desk.find(link(asked)) is not None


async def test_who_answers_at_the_terminal_is_named(desk, approvals, bus):
    asked = await approvals.open(approval(people=()))
    await desk.answer(asked, link(asked, "alice", Channel.TERMINAL), YES, reason="")
    said = bus.of(StepApproved)[0].decisions[0]
    assert (said.by, said.channel) == ("alice", "terminal")


@pytest.mark.parametrize(
    ("later", "by", "counts"),
    [
        (timedelta(0), ALICE, True),
        (timedelta(0), BOB, False),
        # Over the handoff: who was asked may still answer, and who has taken over may.
        (timedelta(minutes=31), ALICE, True),
        (timedelta(minutes=31), BOB, True),
    ],
)
async def test_whoever_is_or_was_on_call_since_it_was_asked_may_say_yes(
    approvals, clock, *, later, by, counts
):
    # Hands over half an hour after the question is asked.
    half = (clock() - timedelta(minutes=30)).astimezone(UTC)
    layer = {
        "people": [ALICE.email, BOB.email],
        "rotate": "1h",
        "starts": f"{half:%Y-%m-%d}",
        "handoff": f"{half:%H:%M}",
    }
    schedules = {"web": ScheduleConfig.model_validate({"layers": [layer]})}
    desk = Desk(approvals, SIGNER, clock, Rosters(schedules))
    asked = await approvals.open(approval(who=("on-call:web",)))
    clock.now += later
    said = await desk.answer(asked, link(asked, by.email), YES, reason="")
    assert isinstance(said, Recorded if counts else NotAsked)
