"""Sessions as they begin, and the tickets they are for."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from pymongo import ASCENDING

from services.planner.plan import Conclusion
from shared.events import PlanReady, TicketEscalated
from shared.lifecycle import SessionState, TicketState
from shared.store import SCHEMA, Database, Document, seam
from shared.telemetry import current_trace

log = structlog.get_logger(__name__)


class Conclusions(Protocol):
    """Where the outcome of planning is kept."""

    async def keep(
        self, conclusion: Conclusion, *, caused_by: UUID, now: datetime
    ) -> Conclusion | None:
        """Store what is to become of a ticket that is triaged, and move the ticket.

        Returns what to publish: the conclusion, or the one that the same event led to before. None
        when the ticket has moved on for another reason, or is under a parent, which is planned for
        it; then nothing was stored.
        """
        ...


@seam
class MongoConclusions:
    """See ``Conclusions``."""

    def __init__(self, db: Database) -> None:
        self._client = db.client
        self._sessions = db.get_collection("sessions")
        self._tickets = db.get_collection("tickets")

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._sessions.create_index([("ticket_id", ASCENDING)], name="ticket")
        await self._sessions.create_index([("state", ASCENDING)], name="state")

    async def keep(
        self, conclusion: Conclusion, *, caused_by: UUID, now: datetime
    ) -> Conclusion | None:
        if isinstance(conclusion, PlanReady):
            kept = await self._plan(conclusion, caused_by, now)
        else:
            kept = await self._escalate(conclusion, caused_by, now)
        return conclusion if kept else await self._kept_before(conclusion.ticket_id, caused_by)

    async def count(self, ticket_id: UUID) -> int | None:
        """How often the ticket's problem was told; None when there is no such ticket."""
        ticket = await self._tickets.find_one({"_id": ticket_id}, {"count": 1})
        return ticket.get("count") if ticket else None

    async def _plan(self, plan: PlanReady, caused_by: UUID, now: datetime) -> bool:
        """Move the ticket and insert the session, both or neither: no plan without its ticket."""
        change = {"$set": _planned(plan, caused_by, now)}
        document = _session(plan, caused_by, now)

        async def both(transaction: Any) -> bool:
            moved = await self._tickets.update_one(
                _triaged(plan.ticket_id), change, session=transaction
            )
            if moved.matched_count:
                await self._sessions.insert_one(document, session=transaction)
            return bool(moved.matched_count)

        async with await self._client.start_session() as transaction:
            return bool(await transaction.with_transaction(both))

    async def _escalate(self, escalation: TicketEscalated, caused_by: UUID, now: datetime) -> bool:
        change = {"$set": _escalated(escalation, caused_by, now)}
        moved = await self._tickets.update_one(_triaged(escalation.ticket_id), change)
        return bool(moved.matched_count)

    async def _kept_before(self, ticket_id: UUID, caused_by: UUID) -> Conclusion | None:
        """What the same event led to, as it was stored then."""
        ticket = await self._tickets.find_one(
            {
                "_id": ticket_id,
                "$or": [{"planned_by": caused_by}, {"escalated.caused_by": caused_by}],
            },
            {"planned_by": 1, "session_id": 1, "escalated": 1},
        )
        if ticket is None:
            await self._say_if_grouped(ticket_id)
            return None
        if ticket.get("planned_by") != caused_by:
            return TicketEscalated.about(caused_by, ticket_id=ticket_id, **ticket["escalated"])
        session = await self._sessions.find_one({"_id": ticket["session_id"]})
        return _plan_of(session) if session else None

    async def _say_if_grouped(self, ticket_id: UUID) -> None:
        under = {"_id": ticket_id, "parent_id": {"$ne": None}}
        ticket = await self._tickets.find_one(under, {"parent_id": 1, "grouped.reason": 1})
        if ticket is not None:
            reason = ticket.get("grouped", {}).get("reason", "")
            log.info(
                "ticket.grouped",
                ticket_id=str(ticket_id),
                parent_id=str(ticket["parent_id"]),
                reason=reason,
            )


def _triaged(ticket_id: UUID) -> Document:
    """A ticket that is to be planned; not one under a parent, which is planned for all of them."""
    return {"_id": ticket_id, "state": TicketState.TRIAGED.value, "parent_id": None}


def _planned(plan: PlanReady, caused_by: UUID, now: datetime) -> Document:
    return {
        "state": TicketState.PLANNED.value,
        "session_id": plan.session_id,
        "planned_by": caused_by,
        "updated_at": now,
    }


def _escalated(escalation: TicketEscalated, caused_by: UUID, now: datetime) -> Document:
    return {
        "state": TicketState.ESCALATED.value,
        "escalated": {
            "title": escalation.title,
            "reason": escalation.reason,
            "tried": list(escalation.tried),
            "suggested": list(escalation.suggested),
            "by": "planner",
            "caused_by": caused_by,
        },
        "updated_at": now,
    }


def _session(plan: PlanReady, caused_by: UUID, now: datetime) -> Document:
    """A session as the executor takes it on."""
    said = plan.model_dump(mode="json", exclude={"id", "time", "session_id", "ticket_id"})
    return {
        "_id": plan.session_id,
        "schema": SCHEMA,
        "ticket_id": plan.ticket_id,
        "state": SessionState.PLANNED.value,
        "rev": 0,
        "created_at": now,
        "caused_by": caused_by,
        "ticket_title": plan.alert.title,
        **said,
        "runs": {},
        "trace": current_trace(),
    }


def _plan_of(session: Document) -> PlanReady:
    """The event of a stored session; its id is the one that it had."""
    said = {name: session[name] for name in PlanReady.model_fields if name in session}
    return PlanReady.about(session["caused_by"], session_id=session["_id"], **said)
