"""Tickets as triage sees them: judged once each time that they are opened."""

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from services.triage.evidence import Gathered
from services.triage.verdict import Judgement
from shared.events.evidence import Look
from shared.lifecycle import Severity, TicketState, Verdict
from shared.store import Database, Document, seam

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
    ) -> Judgement | None:
        """Store a verdict on a ticket that stands as it was opened, by whichever way.

        ``over`` says that the verdict holds only as long as none of its alerts fires.

        Returns the verdict that the ticket carries now: this one, or the one that the same event
        gave it before. None when the ticket has moved on for another reason.
        """
        ...

    async def given(self, ticket_id: UUID, *, caused_by: UUID) -> Judgement | None:
        """The verdict that an event has led to, with the evidence, as it was stored then."""
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
    ) -> Judgement | None:
        target = TicketState.CLOSED if judgement.closes else TicketState.TRIAGED
        update = {
            "$set": {
                "state": target.value,
                "severity": judgement.severity.value,
                "verdict": {**_kept(judgement), "caused_by": caused_by},
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
            return judgement
        return await self._given(ticket_id, caused_by)

    async def given(self, ticket_id: UUID, *, caused_by: UUID) -> Judgement | None:
        return await self._given(ticket_id, caused_by)

    async def _given(self, ticket_id: UUID, caused_by: UUID) -> Judgement | None:
        found = await self._tickets.find_one(
            {"_id": ticket_id, "verdict.caused_by": caused_by}, {"verdict": 1, "severity": 1}
        )
        return _judgement({"severity": found["severity"], **found["verdict"]}) if found else None


def _kept(judgement: Judgement) -> Document:
    kept: Document = {
        "verdict": judgement.verdict.value,
        "confidence": judgement.confidence,
        "severity": judgement.severity.value,
        "reasons": list(judgement.reasons),
    }
    evidence = judgement.evidence
    if evidence.looked:
        kept["evidence"] = dict(evidence.values)
        kept["looked"] = [look.model_dump(mode="json") for look in evidence.looked]
    return kept


def _judgement(kept: Document) -> Judgement:
    return Judgement(
        verdict=Verdict(kept["verdict"]),
        confidence=kept["confidence"],
        severity=Severity(kept["severity"]),
        reasons=tuple(kept["reasons"]),
        evidence=Gathered(
            values=kept.get("evidence", {}),
            looked=tuple(Look.model_validate(look) for look in kept.get("looked", ())),
        ),
    )
