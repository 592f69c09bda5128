"""What a runbook's record counts: only what an executor told, and how tickets really ended."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.planner.handlers import count_resolved, count_session
from services.planner.store import MongoConclusions
from shared.events import Resolution, SessionFinished, SessionOutcome, TicketResolved
from shared.signing import ForgedDecisionError, Signer

SIGNER = Signer(SecretStr("k" * 32))


def resolved(**fields):
    said = {
        "id": uuid4(),
        "ticket_id": uuid4(),
        "session_id": uuid4(),
        "title": "t",
        "resolution": Resolution.VERIFIED,
        "summary": "",
    }
    return TicketResolved(**said | fields)


class Counting:
    def __init__(self):
        self.counted = []

    async def count(self, event):
        self.counted.append(event)


async def test_a_session_that_no_executor_ended_earns_no_trust():
    records = Counting()
    told = SessionFinished(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=uuid4(),
        ticket_title="t",
        outcome=SessionOutcome.SUCCEEDED,
        reason="",
    )
    with pytest.raises(ForgedDecisionError):
        await count_session(told, records, SIGNER)
    signed = SIGNER.signed_event(told)
    await count_session(signed, records, SIGNER)
    assert records.counted == [signed]


class Standing:
    """Knows of one end of a ticket."""

    def __init__(self, said):
        self.said = said

    async def stands(self, said):
        return said == self.said


async def test_a_resolution_that_the_ticket_knows_nothing_of_earns_no_trust():
    records, real = Counting(), resolved()
    for said in (resolved(), resolved(session_id=None), real):
        await count_resolved(said, records, Standing(real))
    assert records.counted == [real]


async def test_what_a_ticket_ended_with_stands_and_nothing_else_does(db):
    conclusions, real = MongoConclusions(db), resolved()
    ended = {"resolved": real.model_dump(mode="json"), "state": "resolved"}
    await db.tickets.insert_one({"_id": real.ticket_id, **ended})
    assert await conclusions.stands(real)
    assert not await conclusions.stands(real.model_copy(update={"id": uuid4()}))
    assert not await conclusions.stands(real.model_copy(update={"ticket_id": uuid4()}))
