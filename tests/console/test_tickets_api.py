"""Tickets through the API: newest first, in pages, and one with all that happened to it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from services.console.chain import Entry
from services.console.store import MongoTimelines
from services.ingest.store import MongoTickets

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPACE = UUID(int=7)
TICKETS = "/api/v1/tickets"


def ticket(number, *, at=NOON, state="new", **fields):
    alert = {"source": "s", "name": "Down", "status": "firing", "fingerprint": f"f{number}"}
    return {
        "_id": uuid5(SPACE, str(number)),
        "state": state,
        "title": f"problem {number}",
        "source": "s",
        "fingerprint": f"f{number}",
        "open_fingerprint": f"f{number}",
        "count": 1,
        "created_at": at,
        "updated_at": at,
        "alert": {**alert, "title": f"problem {number}"},
        **fields,
    }


async def titles(admin, **asked):
    """The titles of each page."""
    pages, cursor = [], {}
    while cursor is not None:
        page = (await admin.get(TICKETS, params={**asked, **cursor})).json()
        pages.append([each["title"] for each in page["items"]])
        cursor = {"cursor": page["next"]} if page["next"] else None
    return pages


async def test_the_newest_come_first_and_pages_follow_each_other(admin, db):
    tickets = [ticket(n, at=NOON + timedelta(seconds=n)) for n in range(5)]
    await db.tickets.insert_many(tickets)
    assert await titles(admin, limit=2) == [
        ["problem 4", "problem 3"],
        ["problem 2", "problem 1"],
        ["problem 0"],
    ]


async def test_of_many_that_were_opened_at_once_each_is_shown_once(admin, db):
    await MongoTickets(db).prepare()
    await db.tickets.insert_many([ticket(n) for n in range(7)])
    await db.tickets.insert_one(ticket(7, at=NOON - timedelta(seconds=1)))
    shown = await titles(admin, limit=3)
    assert sorted(title for page in shown for title in page) == [f"problem {n}" for n in range(8)]
    assert shown[-1][-1] == "problem 7"


async def test_only_those_in_a_state_are_listed(admin, db):
    await db.tickets.insert_many([ticket(1), ticket(2, state="resolved")])
    assert await titles(admin, state="resolved") == [["problem 2"]]
    assert (await admin.get(TICKETS, params={"state": "lost"})).status_code == 422


@pytest.mark.parametrize("cursor", ["WyJ4IiwwXQ==", "WzFd", "Int9Ig=="])
async def test_a_cursor_of_another_list_is_refused(admin, cursor):
    answer = await admin.get(TICKETS, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "query.cursor")


def entry(ticket_id, number):
    return Entry(
        event_id=uuid5(ticket_id, str(number)),
        ticket_id=ticket_id,
        at=NOON + timedelta(seconds=number),
        subject="ticket.updated",
        who="ingest",
        what=f"change {number}",
        why="because",
        data='{"raw": "of the event"}',
    )


async def test_one_is_shown_with_its_alert_its_attempts_and_its_timeline(admin, db):
    judged = {"verdict": "true", "confidence": 0.9, "reasons": ["it fires"]}
    said = {"reason": "nobody answered", "caused_by": SPACE}
    await db.tickets.insert_one(one := ticket(1, verdict=judged, escalated=said))
    started = {"_id": SPACE, "ticket_id": one["_id"], "state": "failed", "created_at": NOON}
    await db.sessions.insert_one({**started, "runbook": {"name": "restart", "steps": []}})
    await MongoTimelines(db).append([entry(one["_id"], n) for n in (2, 1)])
    shown = (await admin.get(f"{TICKETS}/{one['_id']}")).json()
    assert (shown["alert"]["name"], shown["verdict"]["reasons"]) == ("Down", ["it fires"])
    assert shown["escalated_because"] == "nobody answered"
    assert [each["runbook"] for each in shown["sessions"]] == ["restart"]
    assert [line["what"] for line in shown["timeline"]] == ["change 1", "change 2"]
    assert shown["intact"]
    assert "of the event" not in str(shown)


async def test_a_timeline_that_was_changed_says_so(admin, db):
    await db.tickets.insert_one(one := ticket(1))
    await MongoTimelines(db).append([entry(one["_id"], n) for n in (1, 2)])
    await db.timeline.update_one({"seq": 1}, {"$set": {"what": "nothing"}})
    assert not (await admin.get(f"{TICKETS}/{one['_id']}")).json()["intact"]


async def test_one_that_is_not_there_is_not_found(admin):
    answer = await admin.get(f"{TICKETS}/{SPACE}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no ticket of that id")
