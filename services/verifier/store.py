"""Tickets as the verifier sees them: verifying, then resolved or escalated, once."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from shared.events import TicketEscalated, TicketResolved
from shared.lifecycle import TICKET_FROM, TicketState
from shared.store import Database, Document, seam

#: In these a source's word alone resolves: no plan is under way that would have to be called off.
WITHOUT_PLAN = (TicketState.NEW, TicketState.TRIAGED, TicketState.ESCALATED, TicketState.REOPENED)


class Tickets(Protocol):
    """Where verifications are kept."""

    async def verifying(
        self, ticket_id: UUID, *, caused_by: UUID, now: datetime
    ) -> datetime | None:
        """Begin a verification, or go on with the one that the same event began.

        Returns when it began; None when the ticket has moved on for another reason.
        """
        ...

    async def resolve(
        self, resolved: TicketResolved, *, caused_by: UUID, without_plan: bool = False
    ) -> bool:
        """Resolve the ticket; whether it is resolved by this cause, now or before.

        ``without_plan`` leaves a ticket alone that a plan is under way for.
        """
        ...

    async def escalate(self, escalated: TicketEscalated, *, caused_by: UUID) -> bool:
        """Escalate the ticket; whether it is escalated by this cause, now or before."""
        ...


@seam
class MongoTickets:
    """See ``Tickets``."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")

    async def verifying(
        self, ticket_id: UUID, *, caused_by: UUID, now: datetime
    ) -> datetime | None:
        began = {"verification": {"caused_by": caused_by, "since": now}}
        sources = tuple(TICKET_FROM[TicketState.VERIFYING])
        if await self._move(ticket_id, TicketState.VERIFYING, {"$set": began}, now, sources):
            return now
        same = await self._tickets.find_one(
            {
                "_id": ticket_id,
                "state": TicketState.VERIFYING.value,
                "verification.caused_by": caused_by,
            },
            {"verification": 1},
        )
        return None if same is None else same["verification"]["since"]

    async def resolve(
        self, resolved: TicketResolved, *, caused_by: UUID, without_plan: bool = False
    ) -> bool:
        told = resolved.model_dump(mode="json", include={"resolution", "summary", "checks"})
        update = {
            "$set": {"resolved": {**told, "caused_by": caused_by}, "resolved_at": resolved.time},
            "$unset": {"open_fingerprint": ""},
        }
        sources = WITHOUT_PLAN if without_plan else tuple(TICKET_FROM[TicketState.RESOLVED])
        moved = await self._move(
            resolved.ticket_id, TicketState.RESOLVED, update, resolved.time, sources
        )
        return moved or await self._caused(resolved.ticket_id, TicketState.RESOLVED, caused_by)

    async def escalate(self, escalated: TicketEscalated, *, caused_by: UUID) -> bool:
        told = escalated.model_dump(mode="json", include={"reason", "tried", "checks"})
        update = {"$set": {"escalated": {**told, "by": "verifier", "caused_by": caused_by}}}
        sources = tuple(TICKET_FROM[TicketState.ESCALATED])
        moved = await self._move(
            escalated.ticket_id, TicketState.ESCALATED, update, escalated.time, sources
        )
        return moved or await self._caused(escalated.ticket_id, TicketState.ESCALATED, caused_by)

    async def _move(
        self,
        ticket_id: UUID,
        state: TicketState,
        update: Document,
        now: datetime,
        sources: tuple[TicketState, ...],
    ) -> bool:
        moved: dict[str, Any] = {"state": state.value, "updated_at": now}
        changed = await self._tickets.update_one(
            {"_id": ticket_id, "state": {"$in": [source.value for source in sources]}},
            {**update, "$set": {**update["$set"], **moved}},
        )
        return changed.matched_count == 1

    async def _caused(self, ticket_id: UUID, state: TicketState, caused_by: UUID) -> bool:
        """Whether the same event moved the ticket there before."""
        same = await self._tickets.find_one(
            {"_id": ticket_id, f"{state.value}.caused_by": caused_by}, {"_id": 1}
        )
        return same is not None
