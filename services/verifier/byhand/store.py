"""Tickets as a person ends them: once for each word, and none that was opened anew since."""

from typing import Protocol
from uuid import UUID

from services.verifier.byhand.ending import ENDS_FROM, Ending, Standing
from shared.events import TicketClosed, TicketDirected, TicketResolved
from shared.lifecycle import Severity, TicketState, Verdict
from shared.store import Database, Document, seam


class Endings(Protocol):
    """Where tickets end by a person's word."""

    async def standing(self, ticket_id: UUID) -> Standing | None:
        """What is known of a ticket; None where there is none."""
        ...

    async def end(self, ending: Ending, said: TicketDirected) -> bool:
        """End the ticket, if it is in a state that allows it and was not reopened since."""
        ...

    async def ended(self, said: TicketDirected) -> Ending | None:
        """What this word led to before, as it was told then."""
        ...


@seam
class MongoEndings:
    """See ``Endings``."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")

    async def standing(self, ticket_id: UUID) -> Standing | None:
        wanted = {"title": 1, "severity": 1, "alert.severity": 1, "verdict": 1}
        found = await self._tickets.find_one({"_id": ticket_id}, wanted)
        if found is None:
            return None
        verdict = found.get("verdict") or {}
        severity = found.get("severity") or found.get("alert", {}).get("severity")
        return Standing(
            title=found.get("title", ""),
            severity=Severity(severity or Severity.P3),
            verdict=Verdict(verdict.get("verdict", Verdict.UNCERTAIN)),
            confidence=verdict.get("confidence", 0.0),
        )

    async def end(self, ending: Ending, said: TicketDirected) -> bool:
        where: Document = {
            "_id": said.ticket_id,
            "state": {"$in": [state.value for state in ENDS_FROM[said.directive]]},
            # A word that comes late, or again, is about what the ticket was when it was said.
            "reopened.at": {"$not": {"$gt": said.at}},
            "resolved.caused_by": {"$ne": said.id},
            "closed.caused_by": {"$ne": said.id},
        }
        changed = await self._tickets.update_one(where, {"$set": _changes(ending, said)})
        return changed.matched_count == 1

    async def ended(self, said: TicketDirected) -> Ending | None:
        found = await self._tickets.find_one({"_id": said.ticket_id}, {"resolved": 1, "closed": 1})
        if found is None:
            return None
        if found.get("resolved", {}).get("caused_by") == said.id:
            return TicketResolved.model_validate(found["resolved"])
        if found.get("closed", {}).get("caused_by") == said.id:
            return TicketClosed.model_validate(found["closed"])
        return None


def _changes(ending: Ending, said: TicketDirected) -> Document:
    resolved = isinstance(ending, TicketResolved)
    state = TicketState.RESOLVED if resolved else TicketState.CLOSED
    kept = {**ending.model_dump(mode="json"), "by": said.by, "caused_by": said.id}
    return {
        "state": state.value,
        state.value: kept,
        f"{state.value}_at": ending.time,
        "updated_at": ending.time,
    }
