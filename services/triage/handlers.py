"""What triage takes in."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from faststream import Context

from services.triage.store import Tickets
from services.triage.verdict import Judgement, judged
from shared.bus import PublishDep, Router, consumes
from shared.events import TicketClosed, TicketCreated, TicketReopened, TicketTriaged

log = structlog.get_logger(__name__)
router = Router()

TicketsDep = Annotated[Tickets, Context("tickets")]


@consumes(router, TicketCreated, by="triage")
async def judge(ticket: TicketCreated, tickets: TicketsDep, publish: PublishDep) -> None:
    """Judge a new ticket and say so; a redelivery says the same again."""
    await _judge(ticket, judged(ticket.alert), tickets, publish)


@consumes(router, TicketReopened, by="triage")
async def judge_again(ticket: TicketReopened, tickets: TicketsDep, publish: PublishDep) -> None:
    """Judge a ticket whose problem is back, or that no parent cares for any more."""
    judgement = judged(ticket.alert)
    reasons = (*judgement.reasons, f"it was reopened: {ticket.reason}")
    await _judge(ticket, replace(judgement, reasons=reasons), tickets, publish)


async def _judge(
    ticket: TicketCreated | TicketReopened,
    judgement: Judgement,
    tickets: Tickets,
    publish: PublishDep,
) -> None:
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
        flapping = isinstance(ticket, TicketReopened) and ticket.flapping
        await publish(
            TicketTriaged.following(ticket, alert=ticket.alert, flapping=flapping, **said)
        )
