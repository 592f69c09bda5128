"""What commands read from the store; they write nothing."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from pymongo import ASCENDING, DESCENDING

from deploy.following import newest, together
from deploy.views import (
    AlertView,
    Family,
    Output,
    Piece,
    Relative,
    SessionView,
    Ticket,
    Timeline,
)
from services.console.store import entry_from
from services.executor.session import Session
from services.executor.waiting import waits
from services.ingest.quarantine.kept import Quarantined
from services.ingest.rehearsal import Standing
from services.ingest.ticket import Decision
from services.notifier.audit.entry import Entry, complete
from services.notifier.audit.store import MongoTrail
from services.notifier.feedback.feedback import Feedback
from services.notifier.question import Question
from services.notifier.store import question_of
from shared.errors import HandrailError
from shared.lifecycle import (
    SESSION_ENDED,
    TICKET_ENDED,
    ApprovalState,
    SessionState,
    TicketState,
)
from shared.store import Collection, Database, Document, seam

_ID_DIGITS: Final = 32
_AMBIGUOUS: Final = 5
_RELATIVE: Final = {"title": 1, "state": 1, "grouped.reason": 1}
# Their bodies are up to a MiB each.
_LOOKED_INTO: Final = 200


class NotFoundError(HandrailError):
    """Nothing has this id, or more than one thing begins with it."""


@seam
class Reader:
    """The read models of the command line.

    Where an id is asked for, the beginning of one is enough as long as it is the only one.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tickets = db.get_collection("tickets")
        self._trail = MongoTrail(db)
        self._sessions = db.get_collection("sessions")
        self._timeline = db.get_collection("timeline")
        self._output = db.get_collection("output")
        self._chunks = db.get_collection("output_chunks")
        self._executors = db.get_collection("executors")
        self._approvals = db.get_collection("approvals")
        self._alerts = db.get_collection("alerts")
        self._quarantine = db.get_collection("quarantine")

    async def is_replica_set(self) -> bool:
        """Whether transactions and change streams work here."""
        hello = await self._db.command("hello")
        return "setName" in hello or hello.get("msg") == "isdbgrid"

    async def tickets(self, *, state: TicketState | None, limit: int) -> list[Ticket]:
        """The newest tickets, the newest first."""
        query = {"state": state.value} if state else {}
        found = self._tickets.find(query).sort("created_at", DESCENDING).limit(limit)
        return [Ticket.of(document) async for document in found]

    async def ticket(self, prefix: str) -> Ticket:
        """One ticket.

        Raises:
            NotFoundError: see there.
        """
        return Ticket.of(await _only(self._tickets, prefix, "ticket"))

    async def family(self, ticket: Ticket) -> Family:
        """The parent and the children of a ticket, the oldest child first."""
        parent = None
        if ticket.parent_id is not None:
            found = await self._tickets.find_one({"_id": ticket.parent_id}, _RELATIVE)
            reason = ticket.grouped.reason if ticket.grouped else ""
            parent = _relative(found, reason) if found else None
        under = self._tickets.find({"parent_id": ticket.id}, _RELATIVE)
        children = [
            _relative(each, each["grouped"]["reason"])
            async for each in under.sort([("created_at", ASCENDING), ("_id", ASCENDING)])
        ]
        return Family(parent=parent, children=tuple(children))

    async def children(self, tickets: Iterable[Ticket]) -> dict[UUID, int]:
        """How many tickets are under each of these that has any."""
        under = {"$match": {"parent_id": {"$in": [ticket.id for ticket in tickets]}}}
        counted = {"$group": {"_id": "$parent_id", "number": {"$sum": 1}}}
        return {
            each["_id"]: each["number"] async for each in self._tickets.aggregate([under, counted])
        }

    async def session(self, prefix: str) -> SessionView:
        """One session with the output of its steps.

        Raises:
            NotFoundError: see there.
        """
        document = await _only(self._sessions, prefix, "session")
        found = self._output.find({"session_id": document["_id"]})
        whole = [Output.model_validate(output) async for output in found]
        sofar = together(await self.pieces(document["_id"]))
        known = {(output.step_id, output.attempt) for output in whole}
        whole += [each for each in sofar if (each.step_id, each.attempt) not in known]
        return _view(document, await self._alive(), whole)

    async def pieces(self, session_id: UUID) -> list[Piece]:
        """What commands of a session wrote whose end was not seen yet, in order."""
        found = self._chunks.find({"session_id": session_id}).sort("offset", ASCENDING)
        return newest([Piece.model_validate(each) async for each in found])

    async def sessions(self, *, active: bool, limit: int) -> list[SessionView]:
        """Sessions without what their commands wrote, the newest first."""
        ended = [state.value for state in SESSION_ENDED]
        query = {"state": {"$nin": ended}} if active else {}
        found = self._sessions.find(query, {"outbox": 0, "evidence": 0})
        alive = await self._alive()
        newest_first = found.sort("created_at", DESCENDING).limit(limit)
        return [_view(each, alive, ()) async for each in newest_first]

    async def _alive(self) -> frozenset[str]:
        lives = {"$expr": {"$gt": ["$until", "$$NOW"]}}
        return frozenset([each["_id"] async for each in self._executors.find(lives, {"_id": 1})])

    async def sessions_of(self, ticket_id: UUID) -> list[Session]:
        """The attempts to fix a ticket, the oldest first."""
        found = self._sessions.find({"ticket_id": ticket_id}).sort("created_at", ASCENDING)
        return [Session.model_validate({**each, "id": each["_id"]}) async for each in found]

    async def timeline(self, prefix: str) -> Timeline:
        """All that happened to a ticket, and whether it still stands as it was written.

        Raises:
            NotFoundError: see there.
        """
        ticket = await _only(self._tickets, prefix, "ticket")
        found = self._timeline.find({"ticket_id": ticket["_id"]}).sort("seq", ASCENDING)
        entries = [entry_from(document) async for document in found]
        return Timeline.of(ticket["_id"], tuple(entries))

    async def approvals(self, *, state: ApprovalState | None, limit: int) -> list[Question]:
        """Approvals and choices that people are asked for, those that expire last first."""
        query = {"state": state.value} if state else {}
        found = self._approvals.find(query).sort("expires_at", DESCENDING).limit(limit)
        return [question_of(document) async for document in found]

    async def approval(self, prefix: str) -> Question:
        """One request for approval, or for a choice.

        Raises:
            NotFoundError: see there.
        """
        return question_of(await _only(self._approvals, prefix, "approval"))

    async def audit(self, prefix: str) -> tuple[Question, tuple[Entry, ...]]:
        """A question, and all that people did with it, the oldest first.

        Raises:
            NotFoundError: see there.
        """
        question = await self.approval(prefix)
        return question, complete(question, await self._trail.of(question.id))

    async def feedback(self, ticket_id: UUID) -> tuple[Feedback, ...]:
        """What people said of how a ticket ended, the oldest first."""
        found = self._db.get_collection("feedback").find({"ticket_id": ticket_id}).sort("at", 1)
        return tuple([Feedback.model_validate(each) async for each in found])

    async def alerts(
        self,
        *,
        text: str | None = None,
        source: str | None = None,
        fingerprint: str | None = None,
        ticket: str | None = None,
        since: datetime | None = None,
        limit: int,
    ) -> list[AlertView]:
        """Accepted alerts, the newest first; of all that is asked for, each must hold.

        Of a fingerprint the beginning is enough. ``text`` is looked for, in any case, in names,
        titles, resources and the values of labels; a fingerprint begins with it.

        Raises:
            NotFoundError: there is no such ticket.
        """
        query = _mentioning(text) if text else {}
        if source is not None:
            query["source"] = source
        if fingerprint is not None:
            query["fingerprint"] = _beginning(fingerprint)
        if ticket is not None:
            query["ticket_id"] = (await _only(self._tickets, ticket, "ticket"))["_id"]
        if since is not None:
            query["at"] = {"$gte": since}
        found = self._alerts.find(query).sort("at", DESCENDING).limit(limit)
        return [AlertView.of(document) async for document in found]

    async def last_alert_at(self, source: str) -> datetime | None:
        """When an alert last came from a source, as far as is kept."""
        newest = [("at", DESCENDING)]
        came = {"source": source, "decision": {"$ne": Decision.IMPORTED.value}}
        found = await self._alerts.find_one(came, {"at": 1}, sort=newest)
        return found["at"] if found is not None else None

    async def waiting(self, tickets: Iterable[Ticket]) -> set[UUID]:
        """Those of these tickets whose plan waits for a person."""
        ids = [ticket.session_id for ticket in tickets if ticket.session_id]
        query = {"_id": {"$in": ids}, "state": SessionState.WAITING.value}
        return {found["ticket_id"] async for found in self._sessions.find(query, {"ticket_id": 1})}

    async def tickets_by_id(self, ids: Iterable[UUID]) -> dict[UUID, Ticket]:
        """Those of these tickets that are there."""
        found = self._tickets.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: Ticket.of(document) async for document in found}

    async def standing(self, fingerprints: Iterable[str]) -> list[Standing]:
        """The open tickets with these fingerprints."""
        ended = sorted(state.value for state in TICKET_ENDED)
        query = {"open_fingerprint": {"$in": list(fingerprints)}, "state": {"$nin": ended}}
        found = self._tickets.find(query, {"open_fingerprint": 1, "firing": 1})
        return [
            Standing(
                name=f"ticket {str(each['_id'])[:8]}",
                fingerprint=each["open_fingerprint"],
                firing=frozenset(each.get("firing", ())),
            )
            async for each in found
        ]

    async def quarantine(self, *, source: str | None, limit: int) -> list[Quarantined]:
        """What was not understood, without the bodies; what came last is first."""
        found = self._quarantine.find({"source": source} if source else {}, {"body": 0})
        return [_quarantined(each) async for each in found.sort("at", DESCENDING).limit(limit)]

    async def misunderstood(
        self, *, text: str | None, source: str | None, since: datetime
    ) -> list[Quarantined]:
        """Of the newest in quarantine those that mention a text anywhere, what came last first."""
        query: Document = {"at": {"$gte": since}}
        if source is not None:
            query["source"] = source
        found = self._quarantine.find(query, None if text else {"body": 0})
        newest = found.sort("at", DESCENDING).limit(_LOOKED_INTO)
        return [one async for each in newest if (one := _quarantined(each)).mentions(text or "")]

    async def quarantined(self, prefix: str) -> Quarantined:
        """One webhook that was not understood.

        Raises:
            NotFoundError: see there.
        """
        return _quarantined(await _only(self._quarantine, prefix, "webhook in quarantine"))


def _view(document: Document, alive: frozenset[str], output: Iterable[Output]) -> SessionView:
    session = Session.model_validate({**document, "id": document["_id"]})
    return SessionView(
        session=session,
        output=tuple(output),
        waits=waits(session, datetime.now(UTC), alive=alive),
        created_at=document.get("created_at"),
        updated_at=document.get("updated_at"),
    )


def _relative(document: Document, reason: str) -> Relative:
    return Relative(
        id=document["_id"], state=document["state"], title=document["title"], reason=reason
    )


def _quarantined(document: Document) -> Quarantined:
    return Quarantined.model_validate({**document, "id": document["_id"]})


def _beginning(fingerprint: str) -> Document:
    return {"$regex": f"^{re.escape(fingerprint.lower())}"}


def _mentioning(text: str) -> Document:
    """Alerts in which a text is; see ``Reader.alerts``."""
    pattern = re.escape(text)
    inside = {"$regex": pattern, "$options": "i"}
    labels = {"$objectToArray": {"$ifNull": ["$alert.labels", {}]}}
    has = {"$regexMatch": {"input": "$$label.v", "regex": {"$literal": pattern}, "options": "i"}}
    in_a_label = {"$anyElementTrue": [{"$map": {"input": labels, "as": "label", "in": has}}]}
    places = [{field: inside} for field in ("name", "title", "resource")]
    return {"$or": [*places, {"fingerprint": _beginning(text)}, {"$expr": in_a_label}]}


async def _only(collection: Collection, prefix: str, kind: str) -> Document:
    """The only document whose id begins so."""
    lowest, highest = _range(prefix, kind)
    query: dict[str, Any] = {"_id": {"$gte": lowest, "$lte": highest}}
    found: list[Document] = [each async for each in collection.find(query).limit(_AMBIGUOUS)]
    if not found:
        raise NotFoundError(f"there is no {kind} {prefix}")
    if len(found) > 1:
        ids = ", ".join(str(document["_id"]) for document in found)
        raise NotFoundError(f"more than one {kind} begins with {prefix}: {ids}")
    return found[0]


def _range(prefix: str, kind: str) -> tuple[UUID, UUID]:
    digits = prefix.replace("-", "")
    try:
        return (
            UUID(hex=digits.ljust(_ID_DIGITS, "0")),
            UUID(hex=digits.ljust(_ID_DIGITS, "f")),
        )
    except ValueError:
        raise NotFoundError(
            f"{prefix!r} is not the id of a {kind}: that is a UUID, or the beginning of one",
        ) from None
