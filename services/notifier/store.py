"""Approvals and what was told of outcomes: asked once, settled once, told once."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.notifier.approval import Approval
from services.notifier.recipients import Recipient, Status
from shared.bus import Publish
from shared.events import Event
from shared.lifecycle import ApprovalState
from shared.outbox import Outbox, kept, push
from shared.store import SCHEMA, Collection, Database, Document, seam

#: How many overdue approvals one look takes up.
BATCH: Final = 100
# As long as the streams keep events: an older request for approval cannot come any more.
_FINISHED_KEPT: Final = timedelta(days=14)


class Approvals(Protocol):
    """Where approvals are kept."""

    async def open(self, approval: Approval) -> Approval:
        """Store a new approval, or find it where it was stored before; returns it as it is.

        Of a session that has ended already it is superseded.
        """
        ...

    async def find(self, approval_id: UUID) -> Approval | None: ...

    async def mark(self, approval_id: UUID, recipient: Recipient) -> None:
        """Store how far the message to a recipient got; a message that was sent stays sent."""
        ...

    async def record(self, before: Approval, after: Approval, events: Sequence[Event]) -> bool:
        """Store a change and its events in one write; false where somebody was faster."""
        ...

    async def announce(self, approval: Approval, events: Sequence[Event]) -> None:
        """Publish the events of a recorded change.

        Raises:
            UnavailableError: not now; what is not published here is found by the sweep.
        """
        ...

    async def overdue(self, now: datetime) -> list[Approval]:
        """Pending approvals that nobody can answer any more, the oldest first, not all at once."""
        ...

    async def supersede(self, session_id: UUID, now: datetime) -> int:
        """Settle what a session that ended still asked for; how many approvals that were."""
        ...


class Notifications(Protocol):
    """Where it is kept who was told of an outcome."""

    async def open(
        self, event: Event, recipients: Sequence[Recipient], now: datetime
    ) -> tuple[Recipient, ...]:
        """Store who is to be told, or find it where it was stored before."""
        ...

    async def mark(self, event_id: UUID, recipient: Recipient) -> None:
        """See ``Approvals.mark``."""
        ...


@seam
class MongoApprovals:
    """See ``Approvals``; ``sweep`` publishes what a crash between two writes left."""

    def __init__(self, db: Database, publish: Publish) -> None:
        self._approvals = db.get_collection("approvals")
        self._finished = db.get_collection("finished_sessions")
        self._outbox = Outbox(self._approvals, publish)

    async def prepare(self) -> None:
        await self._approvals.create_index([("state", 1), ("expires_at", 1)], name="overdue")
        await self._approvals.create_index("session_id", name="session")
        await self._finished.create_index(
            "at", name="kept", expireAfterSeconds=int(_FINISHED_KEPT.total_seconds())
        )
        await self._outbox.prepare()

    async def open(self, approval: Approval) -> Approval:
        with suppress(DuplicateKeyError):  # an earlier delivery stored it
            await self._approvals.insert_one(_document(approval))
        # Looked at after the insert, as the end is written before what is open is superseded:
        # whichever comes first, one of the two sees the other.
        ended = await self._finished.find_one({"_id": approval.session_id})
        if ended is not None:
            await self._supersede({"_id": approval.id}, ended["at"])
        stored = await self._approvals.find_one({"_id": approval.id})
        return approval if stored is None else _approval(stored)

    async def find(self, approval_id: UUID) -> Approval | None:
        stored = await self._approvals.find_one({"_id": approval_id})
        return None if stored is None else _approval(stored)

    async def mark(self, approval_id: UUID, recipient: Recipient) -> None:
        await _mark(self._approvals, approval_id, recipient)

    async def record(self, before: Approval, after: Approval, events: Sequence[Event]) -> bool:
        new = after.decisions[len(before.decisions) :]
        pushed = push(events, traceparent=before.trace)
        update: Document = {
            **pushed,
            "$set": {"state": after.state.value, "settled_at": after.settled_at},
            "$push": {
                **pushed.get("$push", {}),
                "decisions": {"$each": [d.model_dump(mode="json") for d in new]},
            },
        }
        guard = {
            "_id": before.id,
            "state": ApprovalState.PENDING.value,
            "decisions": {"$size": len(before.decisions)},
        }
        changed = await self._approvals.find_one_and_update(
            guard, update, {"_id": 1}, return_document=ReturnDocument.AFTER
        )
        return changed is not None

    async def announce(self, approval: Approval, events: Sequence[Event]) -> None:
        await self._outbox.flush(approval.id, kept(events, traceparent=approval.trace))

    async def overdue(self, now: datetime) -> list[Approval]:
        query = {"state": ApprovalState.PENDING.value, "expires_at": {"$lte": now}}
        found = self._approvals.find(query).sort("expires_at", 1).limit(BATCH)
        return [_approval(document) async for document in found]

    async def supersede(self, session_id: UUID, now: datetime) -> int:
        await self._finished.update_one(
            {"_id": session_id}, {"$setOnInsert": {"schema": SCHEMA, "at": now}}, upsert=True
        )
        return await self._supersede({"session_id": session_id}, now)

    async def sweep(self) -> int:
        """See ``Outbox.sweep``."""
        return await self._outbox.sweep()

    async def _supersede(self, which: Document, now: datetime) -> int:
        changed = await self._approvals.update_many(
            {**which, "state": ApprovalState.PENDING.value},
            {"$set": {"state": ApprovalState.SUPERSEDED.value, "settled_at": now}},
        )
        return changed.modified_count


@seam
class MongoNotifications:
    """See ``Notifications``: one document an event, whose id is the unique key."""

    def __init__(self, db: Database) -> None:
        self._notifications = db.get_collection("notifications")

    async def open(
        self, event: Event, recipients: Sequence[Recipient], now: datetime
    ) -> tuple[Recipient, ...]:
        try:
            await self._notifications.insert_one(
                {
                    "_id": event.id,
                    "schema": SCHEMA,
                    "ticket_id": event.ticket_id,
                    "purpose": event.subject,
                    "recipients": _recipients(recipients),
                    "created_at": now,
                }
            )
        except DuplicateKeyError:
            stored = await self._notifications.find_one({"_id": event.id})
            return tuple(map(Recipient.model_validate, (stored or {}).get("recipients", ())))
        return tuple(recipients)

    async def mark(self, event_id: UUID, recipient: Recipient) -> None:
        await _mark(self._notifications, event_id, recipient)


async def _mark(collection: Collection, document_id: UUID, recipient: Recipient) -> None:
    which: dict[str, Any] = {"email": recipient.email, "status": Status.QUEUED.value}
    await collection.update_one(
        {"_id": document_id, "recipients": {"$elemMatch": which}},
        {
            "$set": {
                "recipients.$.status": recipient.status.value,
                "recipients.$.at": recipient.at,
                "recipients.$.error": recipient.error,
                "recipients.$.tries": recipient.tries,
            },
        },
    )


def _recipients(recipients: Iterable[Recipient]) -> list[Document]:
    return [recipient.model_dump() | {"status": recipient.status.value} for recipient in recipients]


def _document(approval: Approval) -> Document:
    """The approval as it is stored.

    Decisions stand as JSON: their signatures cover the time to the microsecond, which a date in
    MongoDB would lose.
    """
    return {
        **approval.model_dump(exclude={"id", "decisions"}),
        "_id": approval.id,
        "schema": SCHEMA,
        "state": approval.state.value,
        "severity": approval.severity.value,
        "risk": approval.risk.value,
        "evidence": list(approval.evidence),
        "recipients": _recipients(approval.recipients),
        "decisions": [decision.model_dump(mode="json") for decision in approval.decisions],
    }


def _approval(document: Document) -> Approval:
    return Approval.model_validate({**document, "id": document["_id"]})
