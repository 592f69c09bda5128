"""Tickets as triage sees them: judged once each time that they are opened."""

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from services.triage.verdict import Judgement
from shared.lifecycle import TicketState
from shared.store import Database, seam

#: What a ticket is before it is judged.
Opened = Literal[TicketState.NEW, TicketState.REOPENED]


class Tickets(Protocol):
    """Where verdicts are kept."""

    async def record(
        self,
        ticket_id: UUID,
        judgement: Judgement,
        *,
        opened: Opened,
        over: bool = False,
        caused_by: UUID,
        now: datetime,
    ) -> bool:
        """Store a verdict on a ticket that stands as it was opened, by whichever way.

        ``over`` says that the verdict holds only as long as none of its alerts fires.

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
        self,
        ticket_id: UUID,
        judgement: Judgement,
        *,
        opened: Opened,
        over: bool = False,
        caused_by: UUID,
        now: datetime,
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
            {
                "_id": ticket_id,
                "state": opened.value,
                "verdict.caused_by": {"$ne": caused_by},
                **({"firing": []} if over else {}),
            },
            update,
        )
        if changed.matched_count:
            return True
        # What held only as long as it was over may have been judged otherwise then.
        as_said = {"verdict.verdict": judgement.verdict.value} if over else {}
        same = await self._tickets.find_one(
            {"_id": ticket_id, "verdict.caused_by": caused_by, **as_said}, {"_id": 1}
        )
        return same is not None
