"""Tickets as the verifier sees them: verifying, then resolved or escalated, once."""

from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from shared.events import TicketEscalated, TicketResolved
from shared.lifecycle import TICKET_FROM, TicketState
from shared.store import Database, Document, seam

Conclusion = TicketResolved | TicketEscalated

#: In these a source's word alone resolves: no plan is under way that would have to be called off.
WITHOUT_PLAN: Final = frozenset(
    {TicketState.NEW, TicketState.TRIAGED, TicketState.ESCALATED, TicketState.REOPENED}
)


class Tickets(Protocol):
    """Where verifications are kept, and what came of them.

    ``caused_by`` is the id of the event that is being handled. A cause concludes a ticket once:
    when it has, all that changes a ticket here refuses, and ``concluded`` says what it led to.
    """

    async def verifying(
        self, ticket_id: UUID, *, caused_by: UUID, now: datetime
    ) -> datetime | None:
        """Begin a verification, or go on with the one that the same event began.

        Returns when it began; None when the ticket has moved on.
        """
        ...

    async def end_verification(self, conclusion: Conclusion, *, caused_by: UUID) -> bool:
        """Resolve or escalate a ticket in the verification that the event began."""
        ...

    async def escalate(self, escalated: TicketEscalated, *, caused_by: UUID) -> bool:
        """Call a person to a ticket that has not ended and that nobody was called to yet."""
        ...

    async def resolve_called_off(self, resolved: TicketResolved, *, caused_by: UUID) -> bool:
        """Resolve a ticket whose plan was called off, if its source still says it is over."""
        ...

    async def resolve_unplanned(self, resolved: TicketResolved, *, caused_by: UUID) -> bool:
        """Resolve a ticket without a plan under way, if its source still says it is over."""
        ...

    async def concluded(self, ticket_id: UUID, *, caused_by: UUID) -> Conclusion | None:
        """What this event led to, as it was said at first."""
        ...


@seam
class MongoTickets:
    """See ``Tickets``."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")

    async def verifying(
        self, ticket_id: UUID, *, caused_by: UUID, now: datetime
    ) -> datetime | None:
        began = {
            "state": TicketState.VERIFYING.value,
            "verification": {"caused_by": caused_by, "since": now},
            "updated_at": now,
        }
        where = _among(ticket_id, TICKET_FROM[TicketState.VERIFYING])
        if await self._changed({**where, **_not_yet(caused_by)}, began):
            return now
        same = await self._tickets.find_one(_verified_by(ticket_id, caused_by), {"verification": 1})
        return None if same is None else same["verification"]["since"]

    async def end_verification(self, conclusion: Conclusion, *, caused_by: UUID) -> bool:
        where = _verified_by(conclusion.ticket_id, caused_by)
        return await self._conclude(where, conclusion, caused_by)

    async def escalate(self, escalated: TicketEscalated, *, caused_by: UUID) -> bool:
        where = _among(escalated.ticket_id, TICKET_FROM[TicketState.ESCALATED])
        return await self._conclude(where, escalated, caused_by)

    async def resolve_called_off(self, resolved: TicketResolved, *, caused_by: UUID) -> bool:
        where = _among(resolved.ticket_id, TICKET_FROM[TicketState.RESOLVED])
        return await self._conclude({**where, **_OVER}, resolved, caused_by)

    async def resolve_unplanned(self, resolved: TicketResolved, *, caused_by: UUID) -> bool:
        where = _among(resolved.ticket_id, WITHOUT_PLAN & TICKET_FROM[TicketState.RESOLVED])
        return await self._conclude({**where, **_OVER}, resolved, caused_by)

    async def concluded(self, ticket_id: UUID, *, caused_by: UUID) -> Conclusion | None:
        ticket = await self._tickets.find_one({"_id": ticket_id}, {"resolved": 1, "escalated": 1})
        if ticket is None:
            return None
        if ticket.get("resolved", {}).get("caused_by") == caused_by:
            return TicketResolved.model_validate(ticket["resolved"])
        if ticket.get("escalated", {}).get("caused_by") == caused_by:
            return TicketEscalated.model_validate(ticket["escalated"])
        return None

    async def _conclude(self, where: Document, conclusion: Conclusion, caused_by: UUID) -> bool:
        said = {**conclusion.model_dump(mode="json"), "caused_by": caused_by}
        where = {**where, **_not_yet(caused_by)}
        if isinstance(conclusion, TicketEscalated):
            state = TicketState.ESCALATED.value
            changes = {"state": state, "escalated": said, "updated_at": conclusion.time}
            return await self._changed(where, changes)
        state, at = TicketState.RESOLVED.value, conclusion.time
        changes = {"state": state, "resolved": said, "resolved_at": at, "updated_at": at}
        return await self._changed(where, changes)

    async def _changed(self, where: Document, changes: Document) -> bool:
        changed = await self._tickets.update_one(where, {"$set": changes})
        return changed.matched_count == 1


_OVER: Final[dict[str, Any]] = {"source_resolved_at": {"$ne": None}}


def _among(ticket_id: UUID, states: frozenset[TicketState]) -> Document:
    return {"_id": ticket_id, "state": {"$in": [state.value for state in states]}}


def _verified_by(ticket_id: UUID, caused_by: UUID) -> Document:
    verifying = TicketState.VERIFYING.value
    return {"_id": ticket_id, "state": verifying, "verification.caused_by": caused_by}


def _not_yet(caused_by: UUID) -> Document:
    """True of tickets that this cause has not concluded."""
    return {"resolved.caused_by": {"$ne": caused_by}, "escalated.caused_by": {"$ne": caused_by}}
