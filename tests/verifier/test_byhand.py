"""Tickets that a person ends: by a signed word, once, and not while a plan is under way."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.verifier.byhand.store import MongoEndings
from services.verifier.handlers import end_by_hand
from shared.events import Resolution, TicketClosed, TicketDirected, TicketDirective, TicketResolved
from shared.lifecycle import TicketState
from shared.signing import ForgedDecisionError, Signer
from tests.verifier.fakes import Published

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
SIGNER = Signer(SecretStr("k" * 32))
RESOLVE, CLOSE = TicketDirective.RESOLVE, TicketDirective.CLOSE


@pytest.fixture
async def put(db):
    async def ticket(state, **fields):
        ticket_id = uuid4()
        alert = {"severity": "P2"}
        document = {"_id": ticket_id, "state": state, "title": "web is down", "alert": alert}
        await db.tickets.insert_one({**document, **fields})
        return ticket_id

    return ticket


def word(ticket_id, directive=RESOLVE, **fields) -> TicketDirected:
    said = {"by": "ann", "at": NOW, "reason": "I restarted it", **fields}
    made = TicketDirected(id=uuid4(), ticket_id=ticket_id, directive=directive, **said)
    return SIGNER.signed_request(made)


async def heard(db, said) -> list:
    published = Published()
    await end_by_hand(said, MongoEndings(db), SIGNER, published)
    return published.events


@pytest.mark.parametrize(
    ("directive", "from_", "to"),
    [
        *((RESOLVE, one, "resolved") for one in ("new", "triaged", "escalated", "verifying")),
        *((CLOSE, one, "closed") for one in ("new", "triaged", "reopened", "resolved")),
        *((RESOLVE, one, one) for one in ("planned", "in_progress", "resolved", "closed")),
        *((CLOSE, one, one) for one in ("escalated", "in_progress", "closed")),
    ],
)
async def test_a_ticket_ends_only_where_nothing_is_under_way(db, put, directive, from_, to):
    ticket_id = await put(from_)
    told = await heard(db, word(ticket_id, directive))
    assert (await db.tickets.find_one({"_id": ticket_id}))["state"] == to
    assert len(told) == (to != from_)


async def test_it_is_told_who_ended_it_and_why_and_that_no_machine_checked(db, put):
    (told,) = await heard(db, word(await put("escalated")))
    assert isinstance(told, TicketResolved)
    assert (told.resolution, told.by, told.time) == (Resolution.PERSON, "ann", NOW)
    assert told.summary == "ann says that it is over: I restarted it"
    verdict = {"verdict": "false", "confidence": 0.4}
    (told,) = await heard(db, word(await put("triaged", verdict=verdict), CLOSE))
    assert isinstance(told, TicketClosed)
    assert (told.verdict, told.severity, told.by) == ("false", "P2", "ann")


@pytest.mark.parametrize("directive", [RESOLVE, CLOSE])
async def test_a_redelivery_says_the_same_and_changes_nothing(db, put, directive):
    said = word(await put("triaged"), directive)
    first = await heard(db, said)
    assert await heard(db, said) == first


async def test_a_word_that_is_older_than_the_reopening_is_about_another_time(db, put):
    ticket_id = await put(TicketState.REOPENED, reopened={"at": NOW + timedelta(seconds=1)})
    assert await heard(db, word(ticket_id)) == []
    assert (await db.tickets.find_one({"_id": ticket_id}))["state"] == "reopened"


@pytest.mark.parametrize(
    "change", [{"signature": ""}, {"by": "eve"}, {"directive": CLOSE}, {"reason": "x"}]
)
async def test_what_nobody_signed_ends_nothing(db, put, change):
    ticket_id = await put("escalated")
    with pytest.raises(ForgedDecisionError):
        await heard(db, word(ticket_id).model_copy(update=change))
    assert (await db.tickets.find_one({"_id": ticket_id}))["state"] == "escalated"


async def test_a_ticket_that_is_not_there_is_nothing(db):
    assert await heard(db, word(uuid4())) == []
