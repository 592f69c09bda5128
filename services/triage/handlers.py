"""What triage takes in."""

from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from faststream import Context

from services.triage.store import Tickets
from services.triage.verdict import judged
from shared.bus import PublishDep, Router, consumes
from shared.events import TicketClosed, TicketCreated, TicketTriaged

log = structlog.get_logger(__name__)
router = Router()

TicketsDep = Annotated[Tickets, Context("tickets")]


@consumes(router, TicketCreated, by="triage")
async def judge(ticket: TicketCreated, tickets: TicketsDep, publish: PublishDep) -> None:
    """Judge a new ticket and say so; a redelivery says the same again."""
    judgement = judged(ticket.alert)
    now = datetime.now(UTC)
    if not await tickets.record(ticket.ticket_id, judgement, caused_by=ticket.id, now=now):
        log.info("ticket.moved_on", ticket_id=str(ticket.ticket_id))
        return
    said: dict[str, Any] = {
        "verdict": judgement.verdict,
        "confidence": judgement.confidence,
        "severity": judgement.severity,
        "reasons": judgement.reasons,
    }
    if judgement.closes:
        await publish(TicketClosed.following(ticket, **said))
    else:
        await publish(TicketTriaged.following(ticket, alert=ticket.alert, **said))
