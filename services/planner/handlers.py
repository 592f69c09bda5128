"""What the planner takes in."""

from datetime import UTC, datetime
from typing import Annotated

import structlog
from faststream import Context

from services.planner.desk import Desk
from services.planner.requested import opened
from services.planner.store import Conclusions
from shared.bus import PublishDep, Router, consumes
from shared.events import (
    PlanChosen,
    PlanRequested,
    SessionFinished,
    TicketCreated,
    TicketEscalated,
    TicketResolved,
    TicketTriaged,
)
from shared.policy.records.store import MongoRecords
from shared.signing import ForgedDecisionError, Signer

log = structlog.get_logger(__name__)
router = Router()

DeskDep = Annotated[Desk, Context("desk")]
RecordsDep = Annotated[MongoRecords, Context("records")]
SignerDep = Annotated[Signer, Context("signer")]
ConclusionsDep = Annotated[Conclusions, Context("conclusions")]


@consumes(router, TicketTriaged, by="planner")
async def plan(
    ticket: TicketTriaged, desk: DeskDep, conclusions: ConclusionsDep, publish: PublishDep
) -> None:
    """Plan a ticket, ask a person which runbook to use, or hand it over.

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


@consumes(router, PlanChosen, by="planner")
async def settle(
    said: PlanChosen, desk: DeskDep, conclusions: ConclusionsDep, publish: PublishDep
) -> None:
    """Plan with the runbook that a person chose, if they really did, or hand the ticket over.

    A redelivery says again what was stored the first time.
    """
    choice = await conclusions.choice(said.choice_id)
    if choice is None:
        raise ForgedDecisionError(f"nobody was asked {said.choice_id}")
    now = datetime.now(UTC)
    made = await desk.settle(choice, said, now)
    kept = await conclusions.settle(made, choice, now=now)
    if kept is None:
        log.info("ticket.moved_on")
        return
    await publish(kept)
    log.info("choice.settled", choice_id=str(said.choice_id), by=kept.subject)


@consumes(router, PlanRequested, by="planner")
async def plan_as_asked(
    said: PlanRequested, desk: DeskDep, conclusions: ConclusionsDep, publish: PublishDep
) -> None:
    """Plan the runbook that a person named, for a ticket that waits for none or for a new one.

    A redelivery says again what was stored the first time.
    """
    now = datetime.now(UTC)
    new = opened(said, said.alert) if said.alert is not None else None
    ticket = new or await conclusions.ticket(said.ticket_id)
    if ticket is None:
        log.info("ticket.unknown", ticket_id=str(said.ticket_id))
        return
    made = await desk.requested(ticket, said, now)
    kept = await conclusions.keep_requested(made, caused_by=said.id, new=new, now=now)
    if kept is None:
        log.info("ticket.moved_on")
        return
    if new is not None:
        await publish(TicketCreated.following(said, time=said.at, alert=new.alert))
    await publish(kept)
    log.info("ticket.concluded", by=kept.subject)


@consumes(router, SessionFinished, by="planner")
async def count_session(event: SessionFinished, records: RecordsDep, signer: SignerDep) -> None:
    """Count that a runbook ran, and whether it broke."""
    signer.check_event(event)
    await records.count(event)


@consumes(router, TicketResolved, by="planner")
async def count_resolved(
    event: TicketResolved, records: RecordsDep, conclusions: ConclusionsDep
) -> None:
    """Count that a machine found the problem gone."""
    await _count(event, records, conclusions)


@consumes(router, TicketEscalated, by="planner")
async def count_escalated(
    event: TicketEscalated, records: RecordsDep, conclusions: ConclusionsDep
) -> None:
    """Count that a machine found the problem still there."""
    await _count(event, records, conclusions)


async def _count(
    said: TicketResolved | TicketEscalated, records: MongoRecords, conclusions: Conclusions
) -> None:
    """Nobody earns trust, or loses it, by what is said on the bus alone."""
    if said.session_id is None:
        return
    if await conclusions.stands(said):
        await records.count(said)
    else:
        log.info("conclusion.does_not_stand", by=said.subject)
