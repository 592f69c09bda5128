"""What triage takes in."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import structlog
from faststream import Context

from services.triage.store import Opened, Tickets
from services.triage.verdict import Judgement, judged
from shared.bus import PublishDep, Router, consumes
from shared.events import (
    Alert,
    AlertStatus,
    TicketClosed,
    TicketCreated,
    TicketReopened,
    TicketTriaged,
)
from shared.lifecycle import TicketState

log = structlog.get_logger(__name__)
router = Router()

TicketsDep = Annotated[Tickets, Context("tickets")]


@consumes(router, TicketCreated, by="triage")
async def judge(ticket: TicketCreated, tickets: TicketsDep, publish: PublishDep) -> None:
    """Judge a new ticket and say so; a redelivery says the same again."""
    await _judge(ticket, TicketState.NEW, tickets, publish)


@consumes(router, TicketReopened, by="triage")
async def judge_again(ticket: TicketReopened, tickets: TicketsDep, publish: PublishDep) -> None:
    """Judge a ticket whose problem is back, or that no parent cares for any more."""
    await _judge(ticket, TicketState.REOPENED, tickets, publish)


async def _judge(
    ticket: TicketCreated | TicketReopened, opened: Opened, tickets: Tickets, publish: PublishDep
) -> None:
    judgement = await _recorded(ticket, opened, tickets)
    if judgement is None:
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


async def _recorded(
    ticket: TicketCreated | TicketReopened, opened: Opened, tickets: Tickets
) -> Judgement | None:
    """The verdict that the ticket carries; None where it has moved on."""
    record = partial(
        tickets.record,
        ticket.ticket_id,
        opened=opened,
        caused_by=ticket.id,
        now=datetime.now(UTC),
    )
    judgement = _judgement(ticket, ticket.alert)
    over = ticket.alert.status is AlertStatus.RESOLVED
    if await record(judgement, over=over):
        return judgement
    if not over:
        return None
    # It was over when that was said, and may fire again by now.
    judgement = _judgement(ticket, ticket.alert.model_copy(update={"status": AlertStatus.FIRING}))
    return judgement if await record(judgement) else None


def _judgement(ticket: TicketCreated | TicketReopened, alert: Alert) -> Judgement:
    judgement = judged(alert)
    if isinstance(ticket, TicketCreated):
        return judgement
    reasons = (*judgement.reasons, f"it was reopened: {ticket.reason}")
    return replace(judgement, reasons=reasons)
