"""Tickets as triage sees them: judged once each time that they are opened."""

from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from services.triage.verdict import Judgement
from shared.lifecycle import TicketState
from shared.store import Database, seam

_TO_BE_JUDGED: Final = [TicketState.NEW.value, TicketState.REOPENED.value]


class Tickets(Protocol):
    """Where verdicts are kept."""

    async def record(
        self, ticket_id: UUID, judgement: Judgement, *, caused_by: UUID, now: datetime
    ) -> bool:
        """Store a verdict on a ticket that is to be judged.

        Returns whether the ticket carries this verdict now: also when the same event gave it
        before, and not when the ticket has moved on for another reason.
        """
        ...


@seam
class MongoTickets:
    """See ``Tickets``."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")

    async def record(
        self, ticket_id: UUID, judgement: Judgement, *, caused_by: UUID, now: datetime
    ) -> bool:
        target = TicketState.CLOSED if judgement.closes else TicketState.TRIAGED
        update = {
            "$set": {
                "state": target.value,
                "severity": judgement.severity.value,
                "verdict": {
                    "verdict": judgement.verdict.value,
                    "confidence": judgement.confidence,
                    "reasons": list(judgement.reasons),
                    "caused_by": caused_by,
                },
                "updated_at": now,
            },
        }
        if judgement.closes:
            update["$set"]["closed_at"] = now
        changed = await self._tickets.update_one(
            {"_id": ticket_id, "state": {"$in": _TO_BE_JUDGED}}, update
        )
        if changed.matched_count:
            return True
        same = await self._tickets.find_one(
            {"_id": ticket_id, "verdict.caused_by": caused_by}, {"_id": 1}
        )
        return same is not None
