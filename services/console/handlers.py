"""What the console takes in: everything, to record it."""

from datetime import UTC, datetime
from typing import Annotated, Final

import structlog
from faststream import Context

from services.console.chain import entry_of
from services.console.recording import Recorder
from shared.bus import Envelope, Router, consumes_all

log = structlog.get_logger(__name__)
router = Router()

RecorderDep = Annotated[Recorder, Context("recorder")]

#: The families whose events make up the life of a ticket.
RECORDED: Final = (
    "ticket",
    "plan",
    "step",
    "session",
    "question",
    "notification",
    "feedback",
)


async def record(envelopes: list[Envelope], recorder: RecorderDep) -> None:
    """Append events to the timelines of their tickets, once however often they come."""
    now = datetime.now(UTC)
    entries = [entry_of(envelope, now=now) for envelope in envelopes]
    known = [entry for entry in entries if entry is not None]
    if len(known) < len(entries):
        log.warning("events.without_ticket", count=len(entries) - len(known))
    await recorder.record(known)


for family in RECORDED:
    consumes_all(router, family, by="console")(record)
