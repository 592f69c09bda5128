"""A yes may be taken back, by whoever said it, until the step begins; each race ends one way."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from services.notifier.approval import BEGUN, decide
from services.notifier.desk import Desk
from services.notifier.question import AlreadyDecided, Expired, NotOffered, Recorded, expired
from services.notifier.store import MongoQuestions
from shared.events import Answer, OnNo, StepApprovalWithdrawn, StepApproved, StepRejected
from shared.lifecycle import ApprovalState
from tests.notifier.builders import (
    ALICE,
    APPROVAL_ID,
    BOB,
    NOW,
    SESSION_ID,
    SIGNER,
    approval,
    decision,
    link,
)
from tests.standing.words import CLEO, delegation

YES, NO, BACK = Answer.APPROVE, Answer.REJECT, Answer.WITHDRAW
PENDING, APPROVED = ApprovalState.PENDING, ApprovalState.APPROVED


def after(asked, *said):
    """The approval after these answers: Alice's in capitals, Bob's in small letters."""
    kinds = {"y": YES, "n": NO, "b": BACK}
    for word in "".join(said):
        by = ALICE.email if word.isupper() else BOB.email
        asked = decide(asked, decision(by, kinds[word.lower()]), now=NOW).question
    return asked


@pytest.mark.parametrize(
    ("said", "state", "approvals"),
    [
        ("YB", PENDING, 0),
        ("YBY", PENDING, 1),
        ("YBy", PENDING, 1),
        ("YByY", APPROVED, 2),
        ("yYB", APPROVED, 1),
        ("YBYBYy", APPROVED, 2),
        ("YBYBN", ApprovalState.REJECTED, 0),
    ],
)
def test_what_was_taken_back_does_not_count_and_the_person_may_answer_again(said, state, approvals):
    found = after(approval(required=2), said)
    assert (found.state, found.approvals) == (state, approvals)
    assert len(found.decisions) == len(said)


def test_a_vote_against_may_be_taken_back_too():
    found = after(approval(required=2, on_no=OnNo.MAJORITY), "NBYy")
    assert found.state is APPROVED


def test_a_no_taken_back_that_hid_a_yes_lets_the_step_run():
    for_bob = delegation(of=BOB.email, by=BOB.email, to=CLEO, since=NOW)
    asked = approval(required=2, on_no=OnNo.MAJORITY)
    for by, answer, word in (
        (CLEO, NO, {"delegation": for_bob}),
        (ALICE.email, YES, {}),
        (BOB.email, YES, {}),
        (CLEO, BACK, {}),
    ):
        assert asked.state is PENDING
        asked = decide(asked, decision(by, answer, **word), now=NOW).question
    assert asked.state is APPROVED
    assert isinstance(asked.outcome(), StepApproved)
    bob = decision(BOB.email, BACK, at=NOW + timedelta(minutes=1))
    assert isinstance(decide(asked, bob, now=bob.at).question.outcome(), StepApprovalWithdrawn)


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (approval(required=2), NotOffered),
        (after(approval(required=2), "YB"), NotOffered),
        (after(approval(required=2), "y"), NotOffered),
        (after(approval(), "y"), NotOffered),
        (after(approval(), "N"), AlreadyDecided),
        (expired(after(approval(required=2), "Y"), now=NOW), Expired),
        (after(approval(required=2), "Y").model_copy(update={"state": "superseded"}), NotOffered),
    ],
    ids=["nothing", "twice", "another's", "another's, settled", "a no", "expired", "superseded"],
)
def test_nobody_takes_back_what_they_have_not_said_or_what_is_over(asked, outcome):
    found = decide(asked, decision(ALICE.email, BACK), now=NOW)
    if asked.state == "superseded":
        outcome = (NotOffered, AlreadyDecided)
    assert isinstance(found, outcome)


def test_after_its_time_nothing_is_taken_back():
    asked = after(approval(required=2), "Y")
    assert isinstance(decide(asked, decision(ALICE.email, BACK), now=asked.expires_at), Expired)


def test_a_yes_that_settled_it_is_taken_back_by_an_event_of_its_own():
    settled = after(approval(required=2), "yY")
    found = after(settled, "B")
    event = found.outcome()
    assert isinstance(event, StepApprovalWithdrawn)
    assert (found.state, found.settled_at) == (APPROVED, settled.settled_at)
    assert event.decisions == found.decisions
    assert event.id != settled.outcome().id
    assert after(found, "b").outcome().id != event.id


@pytest.fixture
def desk(approvals, clock) -> Desk:
    return Desk(approvals, SIGNER, clock)


async def test_each_answer_is_signed_with_its_place_among_them(desk, approvals, bus):
    asked = await approvals.open(approval(required=2))
    for by, answer in ((ALICE, YES), (ALICE, BACK), (BOB, YES), (ALICE, YES)):
        said = await desk.answer(asked, link(asked, by.email), answer, reason="")
        asked = said.question
    (event,) = bus.of(StepApproved)
    assert [said.place for said in event.decisions] == [0, 1, 2, 3]
    for said in event.decisions:
        SIGNER.check(said, approval_id=APPROVAL_ID, step_hash=asked.step_hash)


async def session_where(db, state):
    await db.sessions.replace_one(
        {"_id": SESSION_ID},
        {"_id": SESSION_ID, "state": "waiting", "runs": {"restart": {"state": state}}},
        upsert=True,
    )


@pytest.mark.parametrize(
    ("state", "begun"),
    [("awaiting_approval", False), ("ready", False), ("running", True), ("succeeded", True)],
)
async def test_whether_a_step_has_begun_stands_in_its_session(db, mongo_approvals, state, begun):
    await session_where(db, state)
    assert await mongo_approvals.begun(approval()) is begun


async def test_a_session_that_has_ended_begins_nothing_any_more(db, mongo_approvals):
    await db.sessions.delete_many({})
    assert await mongo_approvals.begun(approval())
    await session_where(db, "ready")
    await db.sessions.update_one({"_id": SESSION_ID}, {"$set": {"state": "failed"}})
    assert await mongo_approvals.begun(approval())


async def test_before_the_step_begins_a_settled_yes_is_taken_back(db, mongo_approvals, bus, clock):
    desk = Desk(mongo_approvals, SIGNER, clock)
    asked = await mongo_approvals.open(approval())
    await session_where(db, "ready")
    said = await desk.answer(asked, link(asked), YES, reason="")
    back = await desk.answer(said.question, link(asked), BACK, reason="too early")
    assert isinstance(back, Recorded)
    (event,) = bus.of(StepApprovalWithdrawn)
    assert [each.reason for each in event.decisions] == ["", "too early"]


async def test_after_it_has_begun_the_yes_stands(db, mongo_approvals, bus, clock):
    desk = Desk(mongo_approvals, SIGNER, clock)
    asked = await mongo_approvals.open(approval())
    said = await desk.answer(asked, link(asked), YES, reason="")
    await session_where(db, "running")
    assert await desk.answer(said.question, link(asked), BACK, reason="") == BEGUN
    assert not bus.of(StepApprovalWithdrawn)


class Racing(MongoQuestions):
    """Lets writers go only when all have judged the same state, as two people who press at once."""

    def __init__(self, db, publish) -> None:
        super().__init__(db, publish)
        self.barrier = None

    async def record(self, before, after, events):
        barrier, self.barrier = self.barrier, None
        if barrier is not None:
            await barrier.wait()
        return await super().record(before, after, events)


@pytest.mark.parametrize("other", [YES, NO])
async def test_a_withdrawal_against_another_answer_ends_one_way(db, bus, clock, other):
    """Two replicas of the notifier, each with an answer of its own."""
    barrier = asyncio.Barrier(2)
    stores = [Racing(db, bus.publish) for _ in range(2)]
    one, two = (Desk(store, SIGNER, clock) for store in stores)
    asked = await stores[0].open(approval(required=2))
    first = await one.answer(asked, link(asked), YES, reason="")
    for store in stores:
        store.barrier = barrier
    await asyncio.gather(
        one.answer(first.question, link(asked), BACK, reason=""),
        two.answer(first.question, link(asked, BOB.email), other, reason="no"),
    )
    kept = await stores[0].find(asked.id)
    told = [type(event) for event in bus.events]
    if other is NO:
        assert told == [StepRejected]
        assert kept.state is ApprovalState.REJECTED
        return
    if kept.decisions[1].answer is BACK:
        assert (kept.state, kept.approvals, told) == (PENDING, 1, [])
    else:
        assert (kept.state, kept.approvals) == (APPROVED, 1)
        assert told == [StepApproved, StepApprovalWithdrawn]


async def test_two_withdrawals_at_once_are_one(db, bus, clock):
    barrier = asyncio.Barrier(2)
    stores = [Racing(db, bus.publish) for _ in range(2)]
    asked = await stores[0].open(approval(required=2))
    desks = [Desk(store, SIGNER, clock) for store in stores]
    first = await desks[0].answer(asked, link(asked), YES, reason="")
    for store in stores:
        store.barrier = barrier
    outcomes = await asyncio.gather(
        *(desk.answer(first.question, link(asked), BACK, reason="") for desk in desks)
    )
    assert sorted(type(each).__name__ for each in outcomes) == ["NotOffered", "Recorded"]
    assert len((await stores[0].find(asked.id)).decisions) == 2


@pytest.mark.parametrize("said", ["", "Y"])
async def test_what_is_asked_again_leads_from_the_old_question_to_the_new(approvals, said):
    old = await approvals.open(approval())
    if said:
        settled = after(old, said)
        assert await approvals.record(old, settled, [settled.outcome()])
    new = approval(approval_id=UUID(int=77), replaces=old.id, again="alice took the yes back")
    await approvals.open(new)
    await approvals.open(new)
    found = await approvals.find(old.id)
    assert (found.state, found.superseded_by) == (ApprovalState.SUPERSEDED, new.id)
    assert found.settled_at is not None
    opened = await approvals.find(new.id)
    assert (opened.state, opened.again) == (PENDING, "alice took the yes back")


async def test_what_was_rejected_stays_rejected(approvals):
    old = await approvals.open(approval())
    settled = after(old, "N")
    await approvals.record(old, settled, [settled.outcome()])
    await approvals.open(approval(approval_id=UUID(int=77), replaces=old.id))
    assert (await approvals.find(old.id)).state is ApprovalState.REJECTED


async def test_whose_yes_is_missing_is_kept_with_the_question(approvals):
    asked = await approvals.open(approval(required=2))
    assert (await approvals.find(asked.id)).wanted == "2 more yes"
    settled = after(asked, "Y")
    await approvals.record(asked, settled, [])
    assert (await approvals.find(asked.id)).wanted == "1 more yes"
