"""What a runbook's record counts: only what an executor told."""

from uuid import uuid4

import pytest
from pydantic import SecretStr

from services.planner.handlers import count_session
from shared.events import SessionFinished, SessionOutcome
from shared.signing import ForgedDecisionError, Signer

SIGNER = Signer(SecretStr("k" * 32))


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
