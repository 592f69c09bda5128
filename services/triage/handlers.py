"""What triage takes in."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

import structlog
from faststream import Context

from services.triage.gathering import Gatherer
from services.triage.store import Opened, Tickets
from services.triage.verdict import Judgement, judged
from shared.bus import PublishDep, Router, consumes
from shared.events import (
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
GathererDep = Annotated[Gatherer, Context("gatherer")]

# Most of its time a ticket with evidence waits for other machines.
_WORKERS: Final = 128


@consumes(router, TicketCreated, by="triage", workers=_WORKERS)
async def judge(
    ticket: TicketCreated, tickets: TicketsDep, gatherer: GathererDep, publish: PublishDep
) -> None:
    """Judge a new ticket and say so; a redelivery says the same again and looks at nothing."""
    await _judge(ticket, TicketState.NEW, tickets, gatherer, publish)


@consumes(router, TicketReopened, by="triage", workers=_WORKERS)
async def judge_again(
    ticket: TicketReopened, tickets: TicketsDep, gatherer: GathererDep, publish: PublishDep
) -> None:
    """Judge a ticket whose problem is back, or that no parent cares for any more."""
    await _judge(ticket, TicketState.REOPENED, tickets, gatherer, publish)


async def _judge(
    ticket: TicketCreated | TicketReopened,
    opened: Opened,
    tickets: Tickets,
    gatherer: Gatherer,
    publish: PublishDep,
) -> None:
    judgement = await _recorded(ticket, opened, tickets, gatherer)
    if judgement is None:
        log.info("ticket.moved_on", ticket_id=str(ticket.ticket_id))
        return
    said: dict[str, Any] = {
        "verdict": judgement.verdict,
        "confidence": judgement.confidence,
        "severity": judgement.severity,
        "reasons": judgement.reasons,
        "looked": judgement.evidence.looked,
    }
    if judgement.closes:
        await publish(TicketClosed.following(ticket, **said))
    else:
        flapping = isinstance(ticket, TicketReopened) and ticket.flapping
        await publish(
            TicketTriaged.following(
                ticket,
                alert=ticket.alert,
                flapping=flapping,
                evidence=dict(judgement.evidence.values),
                **said,
            )
        )


async def _recorded(
    ticket: TicketCreated | TicketReopened, opened: Opened, tickets: Tickets, gatherer: Gatherer
) -> Judgement | None:
    """The verdict that the ticket carries; None where it has moved on."""
    record = partial(
        tickets.record,
        ticket.ticket_id,
        opened=opened,
        caused_by=ticket.id,
    )
    alert = ticket.alert
    if alert.status is AlertStatus.RESOLVED:
        if judgement := await record(
            _reasoned(ticket, judged(alert)), over=True, now=datetime.now(UTC)
        ):
            return judgement
        # It was over when that was said, and may fire again by now.
        alert = alert.model_copy(update={"status": AlertStatus.FIRING})
    judgement = judged(alert)
    looks = () if judgement.closes or _is_led(ticket) else gatherer.wanted(alert)
    if looks:
        if given := await tickets.given(ticket.ticket_id, caused_by=ticket.id):
            return given
        judgement = judged(alert, await gatherer.gather(looks, alert))
    return await record(_reasoned(ticket, judgement), now=datetime.now(UTC))


def _is_led(ticket: TicketCreated | TicketReopened) -> bool:
    """Whether another ticket is planned for it, and a storm of its kind need not be looked at."""
    return isinstance(ticket, TicketCreated) and ticket.parent_id is not None


def _reasoned(ticket: TicketCreated | TicketReopened, judgement: Judgement) -> Judgement:
    if isinstance(ticket, TicketCreated):
        return judgement
    reasons = (*judgement.reasons, f"it was reopened: {ticket.reason}")
    return replace(judgement, reasons=reasons)
