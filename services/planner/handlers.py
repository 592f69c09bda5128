"""What the planner takes in."""

from datetime import UTC, datetime
from typing import Annotated

import structlog
from faststream import Context

from services.planner.plan import Planner
from services.planner.store import Conclusions
from shared.bus import PublishDep, Router, consumes
from shared.events import TicketTriaged

log = structlog.get_logger(__name__)
router = Router()

PlannerDep = Annotated[Planner, Context("planner")]
ConclusionsDep = Annotated[Conclusions, Context("conclusions")]


@consumes(router, TicketTriaged, by="planner")
async def plan(
    ticket: TicketTriaged,
    planner: PlannerDep,
    conclusions: ConclusionsDep,
    publish: PublishDep,
) -> None:
    """Plan a ticket, or hand it to a person.

    A redelivery says again what was stored the first time, also when the runbooks have changed.
    """
    made = planner.conclude(ticket)
    kept = await conclusions.keep(made, caused_by=ticket.id, now=datetime.now(UTC))
    if kept is None:
        log.info("ticket.moved_on")
        return
    await publish(kept)
    log.info("ticket.concluded", by=kept.subject)
