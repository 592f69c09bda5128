"""Sessions as they begin, the choices that people are asked for, and the tickets they are for."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from services.planner.choice import Choice, choice_id
from services.planner.plan import Conclusion
from services.planner.requested import PLANNED_FROM
from shared.events import (
    Alert,
    PlanChoiceNeeded,
    PlanReady,
    TicketEscalated,
    TicketResolved,
    TicketTriaged,
)
from shared.lifecycle import SessionState, Severity, TicketState, Verdict
from shared.store import SCHEMA, Collection, Database, Document, expiring, seam
from shared.telemetry import current_trace

log = structlog.get_logger(__name__)

# As long as the streams keep events: an answer may come so late.
_CHOICES_KEPT: Final = timedelta(days=14)

Kept = Conclusion | PlanChoiceNeeded


class Conclusions(Protocol):
    """Where the outcome of planning is kept."""

    async def keep(
        self, conclusion: Conclusion | Choice, *, caused_by: UUID, now: datetime
    ) -> Kept | None:
        """Store what is to become of a ticket that is triaged, and move the ticket.

        While a choice is asked for, the ticket stays triaged. Returns what to publish: what was
        given, or what the same event led to before. None when the ticket has moved on for another
        reason, or is under a parent, which is planned for it; then nothing was stored.
        """
        ...

    async def choice(self, choice_id: UUID) -> Choice | None:
        """What was asked, as it was stored."""
        ...

    async def settle(
        self, conclusion: Conclusion, choice: Choice, *, now: datetime
    ) -> Conclusion | None:
        """Store what an answer came to, of a ticket that waits for it, and move the ticket.

        Returns what to publish, as ``keep`` does.
        """
        ...

    async def ticket(self, ticket_id: UUID) -> TicketTriaged | None:
        """A ticket as triage told it, or would; None where there is none."""
        ...

    async def keep_requested(
        self, conclusion: Conclusion, *, caused_by: UUID, new: TicketTriaged | None, now: datetime
    ) -> Conclusion | None:
        """Store what a person's request came to, of a ticket that is there or of a ``new`` one.

        Returns what to publish, as ``keep`` does.
        """
        ...

    async def stands(self, said: TicketResolved | TicketEscalated) -> bool:
        """Whether the ticket itself ended so, and not another way since."""
        ...


@seam
class MongoConclusions:
    """See ``Conclusions``."""

    def __init__(self, db: Database) -> None:
        self._client = db.client
        self._sessions = db.get_collection("sessions")
        self._tickets = db.get_collection("tickets")
        self._choices = db.get_collection("choices")

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._sessions.create_index([("ticket_id", ASCENDING)], name="ticket")
        await self._sessions.create_index([("state", ASCENDING)], name="state")
        await expiring(self._choices, "expires_at", _CHOICES_KEPT)

    async def keep(
        self, conclusion: Conclusion | Choice, *, caused_by: UUID, now: datetime
    ) -> Kept | None:
        ticket_id = _ticket_of(conclusion)
        # What this event asked for stands, also where a redelivery would find an answer by itself.
        where = {**_triaged(ticket_id), "choice.id": {"$ne": choice_id(caused_by)}}
        if isinstance(conclusion, Choice):
            if await self._ask(conclusion, where, now):
                return conclusion.needed
        elif await self._conclude(conclusion, where, caused_by, now):
            return conclusion
        before = await self._kept_before(ticket_id, caused_by)
        return before or await self._asked_before(ticket_id, caused_by)

    async def stands(self, said: TicketResolved | TicketEscalated) -> bool:
        id_ = str(said.id)
        ended = {"$or": [{"resolved.id": id_}, {"escalated.id": id_}]}
        return (
            await self._tickets.find_one({"_id": said.ticket_id, **ended}, {"_id": 1}) is not None
        )

    async def choice(self, choice_id: UUID) -> Choice | None:
        found = await self._choices.find_one({"_id": choice_id})
        return _choice_of(found) if found else None

    async def settle(
        self, conclusion: Conclusion, choice: Choice, *, now: datetime
    ) -> Conclusion | None:
        where = {**_triaged(conclusion.ticket_id), "choice.id": choice.id}
        if await self._conclude(conclusion, where, choice.ticket.id, now):
            return conclusion
        return await self._kept_before(conclusion.ticket_id, choice.ticket.id)

    async def ticket(self, ticket_id: UUID) -> TicketTriaged | None:
        found = await self._tickets.find_one({"_id": ticket_id})
        return _as_triaged(found) if found else None

    async def keep_requested(
        self, conclusion: Conclusion, *, caused_by: UUID, new: TicketTriaged | None, now: datetime
    ) -> Conclusion | None:
        where = _plannable(conclusion.ticket_id)
        if new is not None:
            where = {"_id": new.ticket_id, "opened_by": caused_by, "state": TicketState.NEW.value}
            with suppress(DuplicateKeyError):  # an earlier delivery stored it
                await self._tickets.insert_one(_opened(new, caused_by, now))
        # What this request led to before stands.
        fresh = {"planned_by": {"$ne": caused_by}, "escalated.caused_by": {"$ne": caused_by}}
        # The request may come again after another one made a plan: then its session is there.
        with suppress(DuplicateKeyError):
            if await self._conclude(conclusion, {**where, **fresh}, caused_by, now):
                return conclusion
        return await self._kept_before(conclusion.ticket_id, caused_by)

    async def count(self, ticket_id: UUID) -> int | None:
        """How often the ticket's problem was told; None when there is no such ticket."""
        ticket = await self._tickets.find_one({"_id": ticket_id}, {"count": 1})
        return ticket.get("count") if ticket else None

    async def _conclude(
        self, conclusion: Conclusion, where: Document, caused_by: UUID, now: datetime
    ) -> bool:
        over = {"$unset": {"choice": ""}}
        if isinstance(conclusion, PlanReady):
            change = {"$set": _planned(conclusion, caused_by, now), **over}
            document = _session(conclusion, caused_by, now)
            return await self._both(where, change, self._sessions, document)
        change = {"$set": _escalated(conclusion, caused_by, now), **over}
        moved = await self._tickets.update_one(where, change)
        return bool(moved.matched_count)

    async def _ask(self, choice: Choice, where: Document, now: datetime) -> bool:
        change = {"$set": _waiting(choice, now)}
        return await self._both(where, change, self._choices, _choice(choice))

    async def _both(
        self, where: Document, change: Document, collection: Collection, document: Document
    ) -> bool:
        """Change the ticket and insert a document, both or neither."""

        async def both(transaction: Any) -> bool:
            moved = await self._tickets.update_one(where, change, session=transaction)
            if moved.matched_count:
                await collection.insert_one(document, session=transaction)
            return bool(moved.matched_count)

        async with await self._client.start_session() as transaction:
            return bool(await transaction.with_transaction(both))

    async def _asked_before(self, ticket_id: UUID, caused_by: UUID) -> PlanChoiceNeeded | None:
        """What the same event asked for, as long as the ticket waits for it."""
        where = {**_triaged(ticket_id), "choice.id": choice_id(caused_by)}
        if await self._tickets.find_one(where, {"_id": 1}) is None:
            return None
        choice = await self.choice(choice_id(caused_by))
        return choice.needed if choice else None

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


def _plannable(ticket_id: UUID) -> Document:
    """A ticket that a person may have planned; not one that somebody is asked about."""
    states = [state.value for state in PLANNED_FROM]
    return {"_id": ticket_id, "state": {"$in": states}, "parent_id": None, "choice": None}


def _as_triaged(ticket: Document) -> TicketTriaged:
    alert = Alert.model_validate(ticket["alert"])
    verdict = ticket.get("verdict") or {}
    severity = ticket.get("severity") or alert.severity or Severity.P3
    return TicketTriaged.model_validate(
        {
            "confidence": 0,
            "reasons": (),
            **verdict,
            "id": ticket["_id"],
            "ticket_id": ticket["_id"],
            "alert": alert,
            "verdict": verdict.get("verdict", Verdict.UNCERTAIN),
            "severity": severity,
        }
    )


def _opened(ticket: TicketTriaged, caused_by: UUID, now: datetime) -> Document:
    """A ticket that no source told of: nothing repeats it, and nothing announces it again."""
    return {
        "_id": ticket.ticket_id,
        "schema": SCHEMA,
        "state": TicketState.NEW.value,
        "title": ticket.alert.title,
        "severity": ticket.severity.value,
        "source": ticket.alert.source,
        "fingerprint": ticket.alert.fingerprint,
        "alert": ticket.alert.model_dump(mode="json"),
        "count": 1,
        "firing": [],
        "created_at": now,
        "updated_at": now,
        "last_seen_at": now,
        "source_resolved_at": None,
        "opened_by": caused_by,
        "announced": True,
    }


def _ticket_of(conclusion: Conclusion | Choice) -> UUID:
    if isinstance(conclusion, Choice):
        return conclusion.ticket.ticket_id
    return conclusion.ticket_id


def _waiting(choice: Choice, now: datetime) -> Document:
    """What a ticket says of the choice that it waits for."""
    asked = {"id": choice.id, "asked_at": now, "expires_at": choice.needed.expires_at}
    return {"choice": asked, "updated_at": now}


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


def _choice(choice: Choice) -> Document:
    """A choice with the plans that it is between, as they were shown."""
    return {
        "_id": choice.id,
        "schema": SCHEMA,
        "ticket_id": choice.ticket.ticket_id,
        "expires_at": choice.needed.expires_at,
        "needed": choice.needed.model_dump(mode="json"),
        "ticket": choice.ticket.model_dump(mode="json"),
        "plans": [plan.model_dump(mode="json") for plan in choice.plans],
    }


def _choice_of(stored: Document) -> Choice:
    return Choice(
        needed=PlanChoiceNeeded.model_validate(stored["needed"]),
        ticket=TicketTriaged.model_validate(stored["ticket"]),
        plans=tuple(PlanReady.model_validate(plan) for plan in stored["plans"]),
    )
