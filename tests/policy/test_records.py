"""What counts for and against a runbook, as a table and on MongoDB."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from shared.events import (
    CheckResult,
    Resolution,
    RunbookRef,
    SessionFinished,
    SessionOutcome,
    TicketEscalated,
    TicketResolved,
)
from shared.policy.records.record import LastHour, Record, Tally, Tried, tally
from shared.policy.records.store import MongoRecords

NOW = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
BOOK = RunbookRef(name="restart", title="Restart", version="9f")


def finished(outcome: str, session_id: UUID | None = None) -> SessionFinished:
    return SessionFinished(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=session_id or uuid4(),
        ticket_title="it is down",
        outcome=SessionOutcome(outcome),
        reason="",
    )


def resolved(resolution="verified", session_id: UUID | None = None) -> TicketResolved:
    return TicketResolved(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=session_id,
        title="it is down",
        resolution=Resolution(resolution),
        summary="",
    )


def escalated(*passed: bool, session_id: UUID | None = None) -> TicketEscalated:
    checks = [CheckResult(check="up", passed=p, detail="", tries=1, at=NOW) for p in passed]
    return TicketEscalated(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=session_id,
        title="it is down",
        reason="",
        checks=tuple(checks),
    )


def tried(**states: str) -> Tried:
    """A session whose steps ended so; ``ignored`` is one whose failure does not matter."""
    runs = {
        name: {"state": state, "attempt": state != "rejected"} for name, state in states.items()
    }
    steps = [
        {"id": name, "on_failure": "continue" if name == "ignored" else "stop"} for name in states
    ]
    return Tried.model_validate({"runbook": BOOK.model_dump(), "steps": steps, "runs": runs})


@pytest.mark.parametrize(
    ("event", "session", "expected"),
    [
        (finished("succeeded"), tried(act="succeeded"), Tally.RAN),
        (finished("succeeded"), tried(), None),
        (finished("failed"), tried(act="failed"), Tally.BROKE),
        (finished("failed"), tried(act="unknown"), Tally.BROKE),
        (finished("failed"), tried(look="succeeded", act="rejected"), None),
        (finished("failed"), tried(look="succeeded", act="expired"), None),
        (finished("failed"), tried(ignored="failed", act="rejected"), None),
        (finished("failed"), tried(ignored="failed", act="failed"), Tally.BROKE),
        (finished("cancelled"), tried(look="succeeded"), None),
        (resolved("verified"), tried(act="succeeded"), Tally.VERIFIED),
        (resolved("source"), tried(act="succeeded"), None),
        (escalated(False), tried(act="succeeded"), Tally.DID_NOT_HELP),
        (escalated(True, False), tried(act="succeeded"), Tally.DID_NOT_HELP),
        (escalated(), tried(act="failed"), None),
    ],
)
def test_only_what_a_machine_saw_counts_for_or_against_a_runbook(event, session, expected):
    assert tally(event, session) is expected


@pytest.fixture
async def records(db) -> MongoRecords:
    made = MongoRecords(db)
    await made.prepare()
    return made


@pytest.fixture
def session(db):
    """Stores a session."""

    async def stored(state="succeeded", *, version="9f", name="restart", **fields) -> UUID:
        session_id = uuid4()
        document = {
            "_id": session_id,
            "created_at": NOW,
            "runbook": {"name": name, "title": "Restart", "version": version},
            "steps": [{"id": "act", "target": "web-1", "effect": "once", "on_failure": "stop"}],
            "runs": {"act": {"state": state, "attempt": 1}},
            **fields,
        }
        await db.get_collection("sessions").insert_one(document)
        return session_id

    return stored


async def test_a_run_that_helped_is_counted_once_however_often_it_is_told(records, session):
    session_id = await session()
    told = [finished("succeeded", session_id), resolved(session_id=session_id)]
    assert [await records.count(event) for event in told] == [Tally.RAN, Tally.VERIFIED]
    assert [await records.count(event) for event in told] == [None, None]
    assert await records.of(BOOK) == Record("restart", "9f", runs=1, verified=1)


async def test_an_event_told_to_two_at_once_counts_once(records, session):
    event = finished("succeeded", await session())
    counted = await asyncio.gather(*(records.count(event) for _ in range(8)))
    assert (await records.of(BOOK)).runs == 1
    assert counted.count(Tally.RAN) == 1


async def test_a_crash_before_the_session_knew_counts_once(records, session, db):
    event = finished("succeeded", await session())
    await records.count(event)
    await db.get_collection("sessions").update_one({}, {"$unset": {"counted": ""}})
    assert await records.count(event) is None
    assert (await records.of(BOOK)).runs == 1


async def test_an_old_event_that_comes_again_after_many_others_counts_once(records, session, db):
    event = finished("succeeded", await session())
    await records.count(event)
    await db.get_collection("runbook_records").update_one({}, {"$set": {"seen": []}})
    assert await records.count(event) is None
    assert (await records.of(BOOK)).runs == 1


async def test_failures_in_a_row_end_with_a_run_that_helped(records, session):
    for _ in range(2):
        session_id = await session()
        await records.count(finished("succeeded", session_id))
        await records.count(escalated(False, session_id=session_id))
    await records.count(finished("failed", await session("failed")))
    assert await records.of(BOOK) == Record("restart", "9f", runs=3, failed=3, failed_in_a_row=3)
    session_id = await session()
    await records.count(finished("succeeded", session_id))
    await records.count(resolved(session_id=session_id))
    assert await records.of(BOOK) == Record(
        "restart", "9f", runs=4, verified=1, failed=3, failed_in_a_row=0
    )


async def test_another_text_of_a_runbook_has_a_record_of_its_own(records, session):
    await records.count(finished("succeeded", await session()))
    await records.count(finished("failed", await session("failed", version="a0")))
    assert (await records.of(BOOK)).failed == 0
    assert [(one.version, one.runs) for one in await records.known("restart")] == [
        ("9f", 1),
        ("a0", 1),
    ]
    assert await records.known("other") == []


async def test_a_runbook_that_was_off_may_be_restored(records, session):
    await records.count(finished("failed", await session("failed")))
    assert await records.restore("restart")
    assert await records.of(BOOK) == Record("restart", "9f", runs=1, failed=1)
    assert not await records.restore("restart")


async def test_what_is_about_no_session_counts_for_nothing(records):
    assert await records.count(escalated(False)) is None
    assert await records.count(finished("succeeded")) is None
    assert await records.known() == []


async def test_the_last_hour_has_steps_that_changed_something_or_still_may(records, session):
    await session("running")
    await session("pending", name="other")
    await session("rejected")
    await session("skipped")
    await session("succeeded", created_at=NOW - timedelta(hours=2))
    looks = [{"id": "act", "target": "web-1", "effect": "read_only", "on_failure": "stop"}]
    await session("succeeded", steps=looks)
    assert await records.since(NOW - timedelta(hours=1)) == LastHour(
        on_target={"web-1": 2}, of_runbook={"restart": 4, "other": 1}
    )
