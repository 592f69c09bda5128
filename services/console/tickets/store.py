"""Tickets in MongoDB, for reading."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pymongo import ASCENDING, DESCENDING

from services.console.store import entry_from
from services.console.tickets.ticket import Attempt, TicketSummary, TicketView
from shared.lifecycle import TicketState
from shared.store import Database, seam

_SUMMARY: Final = dict.fromkeys(TicketSummary.model_fields, 1)
_ATTEMPT: Final = {"state": 1, "runbook.name": 1, "created_at": 1}


@seam
class MongoTickets:
    """What other services keep, as it stands."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")
        self._sessions = db.get_collection("sessions")
        self._timeline = db.get_collection("timeline")

    async def newest(
        self, *, state: TicketState | None, limit: int, until: datetime | None, passed: int
    ) -> list[TicketSummary]:
        """The newest first; none opened after ``until``, and of those then not the first ones.

        Those that were opened in the same millisecond come in the order of the index, which is the
        same each time.
        """
        query: dict[str, Any] = {"state": state.value} if state else {}
        if until is not None:
            query["created_at"] = {"$lte": until}
        found = self._tickets.find(query, _SUMMARY).sort("created_at", DESCENDING)
        return [
            TicketSummary.model_validate({**each, "id": each["_id"]})
            async for each in found.skip(passed).limit(limit)
        ]

    async def one(self, ticket_id: UUID) -> TicketView | None:
        """A ticket with all that happened to it."""
        document = await self._tickets.find_one({"_id": ticket_id})
        if document is None:
            return None
        of_it = {"ticket_id": ticket_id}
        tried = self._sessions.find(of_it, _ATTEMPT).sort("created_at", ASCENDING)
        attempts = [Attempt.of(each) async for each in tried]
        told = self._timeline.find(of_it).sort("seq", ASCENDING)
        entries = [entry_from(each) async for each in told]
        return TicketView.told(document, tuple(entries), tuple(attempts))
