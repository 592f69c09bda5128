"""The contract of the stores, on the fakes and on a real MongoDB."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.notifier.approval import decide
from services.notifier.question import expired
from services.notifier.recipients import Recipient, Status
from shared.events import StepApproved
from shared.lifecycle import ApprovalState
from shared.outbox import OVERDUE
from tests.notifier.builders import (
    ALICE,
    APPROVAL_ID,
    BOB,
    HASH,
    NOW,
    SESSION_ID,
    SIGNER,
    approval,
    decision,
    resolved,
)


def approved(current):
    after = decide(current, decision(), now=NOW).question
    return after, [after.outcome()]


async def test_an_approval_is_found_as_it_was_stored(approvals):
    asked = approval()
    await approvals.open(asked)
    found = await approvals.find(APPROVAL_ID)
    assert found.model_dump(exclude={"created_at", "expires_at"}) == asked.model_dump(
        exclude={"created_at", "expires_at"}
    )
    assert abs(found.expires_at - asked.expires_at) < timedelta(milliseconds=1)


async def test_what_was_never_stored_is_not_found(approvals):
    assert await approvals.find(UUID(int=99)) is None


async def test_opening_twice_keeps_what_happened_in_between(approvals):
    asked = await approvals.open(approval())
    sent = Recipient(name=ALICE.name, email=ALICE.email, status=Status.SENT, tries=1, at=NOW)
    await approvals.mark(asked.id, sent)
    again = await approvals.open(approval())
    assert [to.status for to in again.recipients] == [Status.SENT, Status.QUEUED]


async def test_a_message_that_was_sent_stays_sent(approvals):
    asked = await approvals.open(approval(people=(ALICE,)))
    for status in (Status.SENT, Status.FAILED):
        await approvals.mark(asked.id, asked.recipients[0].model_copy(update={"status": status}))
    found = await approvals.find(asked.id)
    assert found.recipients[0].status is Status.SENT


async def test_of_two_changes_to_the_same_state_one_is_stored(approvals):
    asked = await approvals.open(approval())
    after, events = approved(asked)
    assert await approvals.record(asked, after, events)
    late = expired(asked, now=NOW)
    assert not await approvals.record(asked, late, [late.outcome(expiry="s")])
    found = await approvals.find(asked.id)
    assert found.state is ApprovalState.APPROVED


async def test_of_two_first_yeses_to_a_question_for_two_one_is_stored(approvals):
    asked = await approvals.open(approval(required=2))
    assert await approvals.record(asked, decide(asked, decision(), now=NOW).question, [])
    bobs = decide(asked, decision(BOB.email), now=NOW).question
    assert not await approvals.record(asked, bobs, [])
    found = await approvals.find(asked.id)
    assert [d.by for d in found.decisions] == [ALICE.email]


async def test_a_signature_still_holds_after_it_was_stored(approvals):
    asked = await approvals.open(approval())
    signed = SIGNER.signed(decision(), approval_id=APPROVAL_ID, step_hash=HASH)
    await approvals.record(asked, decide(asked, signed, now=NOW).question, [])
    found = await approvals.find(asked.id)
    SIGNER.check(found.decisions[0], approval_id=APPROVAL_ID, step_hash=HASH)


async def test_only_what_is_pending_and_past_its_time_is_overdue(approvals):
    asked = await approvals.open(approval())
    await approvals.open(approval(approval_id=UUID(int=20), expires_at=NOW + timedelta(days=1)))
    settled = await approvals.open(approval(approval_id=UUID(int=21)))
    await approvals.record(settled, approved(settled)[0], [])
    assert await approvals.overdue(NOW) == []
    overdue = await approvals.overdue(asked.expires_at)
    assert [found.id for found in overdue] == [asked.id]


async def test_the_end_of_a_session_withdraws_what_is_pending(approvals):
    asked = await approvals.open(approval())
    answered = await approvals.open(approval(approval_id=UUID(int=20)))
    other = await approvals.open(approval(approval_id=UUID(int=21), session_id=UUID(int=22)))
    await approvals.record(answered, approved(answered)[0], [])
    assert await approvals.supersede(SESSION_ID, NOW) == 1
    states = [(await approvals.find(a.id)).state for a in (asked, answered, other)]
    assert states == ["superseded", "approved", "pending"]


async def test_a_request_that_comes_after_its_session_ended_is_withdrawn_at_once(approvals):
    await approvals.supersede(SESSION_ID, NOW)
    assert (await approvals.open(approval())).state is ApprovalState.SUPERSEDED


async def test_recorded_events_are_published_and_forgotten(mongo_approvals, db, bus):
    asked = await mongo_approvals.open(approval())
    after, events = approved(asked)
    await mongo_approvals.record(asked, after, events)
    await mongo_approvals.announce(after, events)
    assert bus.events == events
    assert await db.approvals.find_one({"_id": asked.id, "outbox": {"$ne": []}}) is None


async def test_the_sweep_publishes_what_a_crash_left_after_the_decision(mongo_approvals, db, bus):
    asked = await mongo_approvals.open(approval())
    after, events = approved(asked)
    await mongo_approvals.record(asked, after, events)
    # Here the process dies; time passes.
    await db.approvals.update_one(
        {"_id": asked.id}, [{"$set": {"outbox_at": {"$subtract": ["$$NOW", _ms(OVERDUE) + 1]}}}]
    )
    assert await mongo_approvals.sweep() == 1
    assert bus.of(StepApproved) == events
    assert await mongo_approvals.sweep() == 0


async def test_the_sweep_leaves_the_writer_time_to_publish(mongo_approvals, bus):
    asked = await mongo_approvals.open(approval())
    after, events = approved(asked)
    await mongo_approvals.record(asked, after, events)
    assert await mongo_approvals.sweep() == 0
    assert bus.events == []


async def test_preparing_twice_is_as_good_as_once(mongo_approvals):
    await mongo_approvals.prepare()


async def test_who_is_told_of_an_outcome_is_kept_by_event(notifications):
    alice = Recipient(name=ALICE.name, email=ALICE.email)
    first = await notifications.open(resolved(), [alice], NOW)
    await notifications.mark(resolved().id, alice.model_copy(update={"status": Status.SENT}))
    again = await notifications.open(resolved(), [alice], NOW)
    other = await notifications.open(resolved(id=UUID(int=30)), [alice], NOW)
    assert [r[0].status for r in (first, again, other)] == ["queued", "sent", "queued"]


def _ms(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


@pytest.mark.parametrize("status", [Status.SENT, Status.FAILED])
async def test_a_late_mark_does_not_change_what_was_told(notifications, status):
    alice = Recipient(name=ALICE.name, email=ALICE.email)
    await notifications.open(resolved(), [alice], NOW)
    await notifications.mark(resolved().id, alice.model_copy(update={"status": status}))
    await notifications.mark(resolved().id, alice.model_copy(update={"tries": 9}))
    again = await notifications.open(resolved(), [alice], NOW)
    assert (again[0].status, again[0].tries) == (status, 0)
