"""What the planner takes in."""

from datetime import UTC, datetime
from typing import Annotated

import structlog
from faststream import Context

from services.planner.desk import Desk
from services.planner.store import Conclusions
from shared.bus import PublishDep, Router, consumes
from shared.events import (
    SessionFinished,
    TicketEscalated,
    TicketResolved,
    TicketTriaged,
)
from shared.policy.records.store import MongoRecords

log = structlog.get_logger(__name__)
router = Router()

DeskDep = Annotated[Desk, Context("desk")]
RecordsDep = Annotated[MongoRecords, Context("records")]
ConclusionsDep = Annotated[Conclusions, Context("conclusions")]


@consumes(router, TicketTriaged, by="planner")
async def plan(
    ticket: TicketTriaged, desk: DeskDep, conclusions: ConclusionsDep, publish: PublishDep
) -> None:
    """Plan a ticket, or hand it to a person.

    A redelivery says again what was stored the first time, also when the runbooks have changed.
    """
    now = datetime.now(UTC)
    made = await desk.conclude(ticket, now)
    kept = await conclusions.keep(made, caused_by=ticket.id, now=now)
    if kept is None:
        log.info("ticket.moved_on")
        return
    await publish(kept)
    log.info("ticket.concluded", by=kept.subject)


@consumes(router, SessionFinished, by="planner")
async def count_session(event: SessionFinished, records: RecordsDep) -> None:
    """Count that a runbook ran, and whether it broke."""
    await records.count(event)


@consumes(router, TicketResolved, by="planner")
async def count_resolved(event: TicketResolved, records: RecordsDep) -> None:
    """Count that a machine found the problem gone."""
    await records.count(event)


@consumes(router, TicketEscalated, by="planner")
async def count_escalated(event: TicketEscalated, records: RecordsDep) -> None:
    """Count that a machine found the problem still there."""
    await records.count(event)
