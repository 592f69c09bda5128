"""Questions and what was told of outcomes: asked once, settled once, told once."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.notifier.approval import Approval
from services.notifier.choice import Choice
from services.notifier.course import MOST, Moment, course
from services.notifier.inquiry import Inquiry
from services.notifier.question import Q, Question
from services.notifier.recipients import Recipient, Status
from shared.bus import Publish
from shared.events import Event
from shared.lifecycle import SESSION_ENDED, ApprovalState, StepState, TicketState
from shared.outbox import Outbox, kept, push
from shared.store import SCHEMA, Collection, Database, Document, seam

#: How many overdue questions one look takes up.
BATCH: Final = 100
#: More than anybody has, and not without an end.
_ALL: Final = 10_000
_CHOICES: Final = {"kind": "choice"}
#: What a document is by its `kind`; one without is an approval.
_KINDS: Final[dict[str, type[Question]]] = {"choice": Choice, "inquiry": Inquiry}
_REPLACEABLE: Final = [
    state.value
    for state in (ApprovalState.PENDING, ApprovalState.APPROVED, ApprovalState.SUPERSEDED)
]
_ENDED: Final = {state.value for state in SESSION_ENDED}
_NOT_BEGUN: Final = {StepState.AWAITING_APPROVAL.value, StepState.READY.value}
# As long as the streams keep events: an older request for approval cannot come any more.
_FINISHED_KEPT: Final = timedelta(days=14)


class Questions(Protocol):
    """Where questions are kept: approvals of steps, choices between runbooks, inquiries."""

    async def open(self, question: Q) -> Q:
        """Store a new question, or find it where it was stored before; returns it as it is.

        Of a session that has ended already, or a ticket that does not wait for it any more, it is
        superseded; and so is what it stands for, by it.
        """
        ...

    async def find(self, question_id: UUID) -> Question | None: ...

    async def mark(self, question_id: UUID, recipient: Recipient) -> None:
        """Store how far the message to a recipient got; a message that was sent stays sent."""
        ...

    async def record(self, before: Question, after: Question, events: Sequence[Event]) -> bool:
        """Store a change and its events in one write; false where somebody was faster."""
        ...

    async def announce(self, question: Question, events: Sequence[Event]) -> None:
        """Publish the events of a recorded change.

        Raises:
            UnavailableError: not now; what is not published here is found by the sweep.
        """
        ...

    async def overdue(self, now: datetime) -> list[Question]:
        """Pending questions that nobody can answer any more, the oldest first, not all at once."""
        ...

    async def pending(self, most: int | None) -> list[Question]:
        """Questions that wait for an answer, those that expire first before the others."""
        ...

    async def begun(self, approval: Approval) -> bool:
        """Whether the step has begun, or its session has ended without it."""
        ...

    async def supersede(self, session_id: UUID, now: datetime) -> int:
        """Settle what a session that ended still asked for; how many those were."""
        ...

    async def supersede_choices(self, ticket_id: UUID, now: datetime) -> int:
        """Settle what a ticket that has moved on still asked for; how many choices that were."""
        ...


class Notifications(Protocol):
    """Where it is kept who was told of an outcome."""

    async def open(
        self, event: Event, recipients: Sequence[Recipient], now: datetime
    ) -> tuple[Recipient, ...]:
        """Store who is to be told, or find it where it was stored before."""
        ...

    async def mark(self, event_id: UUID, recipient: Recipient) -> None:
        """See ``Questions.mark``."""
        ...

    async def title_of(self, ticket_id: UUID) -> str:
        """What a ticket is called; nothing where it is not known any more."""
        ...


@seam
class MongoQuestions:
    """See ``Questions``; ``sweep`` publishes what a crash between two writes left."""

    def __init__(self, db: Database, publish: Publish) -> None:
        self._approvals = db.get_collection("approvals")
        self._finished = db.get_collection("finished_sessions")
        self._sessions = db.get_collection("sessions")
        self._posts = db.get_collection("posts")
        self._tickets = db.get_collection("tickets")
        self._outbox = Outbox(self._approvals, publish)

    async def prepare(self) -> None:
        await self._approvals.create_index([("state", 1), ("expires_at", 1)], name="overdue")
        await self._approvals.create_index("session_id", name="session")
        await self._approvals.create_index(
            "ticket_id", name="choices", partialFilterExpression=_CHOICES
        )
        await self._approvals.create_index([("ticket_id", 1), ("created_at", -1)], name="course")
        await self._finished.create_index(
            "at", name="kept", expireAfterSeconds=int(_FINISHED_KEPT.total_seconds())
        )
        await self._outbox.prepare()

    async def open(self, question: Q) -> Q:
        with suppress(DuplicateKeyError):  # an earlier delivery stored it
            await self._approvals.insert_one(_document(question))
        # Looked at after the insert, as the end is written before what is open is superseded:
        # whichever comes first, one of the two sees the other.
        ended = await self._ended(question)
        if ended is not None:
            await self._supersede({"_id": question.id}, ended)
        if isinstance(question, Approval) and question.replaces is not None:
            await self._replace(question.replaces, question)
        stored = await self._approvals.find_one({"_id": question.id})
        return question if stored is None else _as(type(question), stored)

    async def find(self, question_id: UUID) -> Question | None:
        stored = await self._approvals.find_one({"_id": question_id})
        return None if stored is None else question_of(stored)

    async def mark(self, question_id: UUID, recipient: Recipient) -> None:
        await _mark(self._approvals, question_id, recipient)

    async def record(self, before: Question, after: Question, events: Sequence[Event]) -> bool:
        new = after.answers[len(before.answers) :]
        pushed = push(events, traceparent=before.trace)
        update: Document = {
            **pushed,
            "$set": {
                "state": after.state.value,
                "settled_at": after.settled_at,
                **_told(after),
            },
            "$push": {
                **pushed.get("$push", {}),
                "decisions": {"$each": [d.model_dump(mode="json") for d in new]},
            },
        }
        guard = {
            "_id": before.id,
            "state": before.state.value,
            "decisions": {"$size": len(before.answers)},
        }
        changed = await self._approvals.find_one_and_update(
            guard, update, {"_id": 1}, return_document=ReturnDocument.AFTER
        )
        return changed is not None

    async def announce(self, question: Question, events: Sequence[Event]) -> None:
        await self._outbox.flush(question.id, kept(events, traceparent=question.trace))

    async def overdue(self, now: datetime) -> list[Question]:
        query = {"state": ApprovalState.PENDING.value, "expires_at": {"$lte": now}}
        found = self._approvals.find(query).sort("expires_at", 1).limit(BATCH)
        return [question_of(document) async for document in found]

    async def pending(self, most: int | None) -> list[Question]:
        query = {"state": ApprovalState.PENDING.value}
        found = self._approvals.find(query).sort("expires_at", 1).limit(most or _ALL)
        return [question_of(document) async for document in found]

    async def begun(self, approval: Approval) -> bool:
        wanted = {"state": 1, "runs": 1}
        session = await self._sessions.find_one({"_id": approval.session_id}, wanted)
        if session is None or session["state"] in _ENDED:
            return True
        return session["runs"].get(approval.step_id, {}).get("state") not in _NOT_BEGUN

    async def supersede(self, session_id: UUID, now: datetime) -> int:
        await self._finished.update_one(
            {"_id": session_id}, {"$setOnInsert": {"schema": SCHEMA, "at": now}}, upsert=True
        )
        return await self._supersede({"session_id": session_id}, now)

    async def supersede_choices(self, ticket_id: UUID, now: datetime) -> int:
        return await self._supersede({"ticket_id": ticket_id, **_CHOICES}, now)

    async def sweep(self) -> int:
        """See ``Outbox.sweep``."""
        return await self._outbox.sweep()

    async def _ended(self, question: Question) -> datetime | None:
        """When that ended which a question is part of, if it has ended."""
        if isinstance(question, Approval | Inquiry):
            ended = await self._finished.find_one({"_id": question.session_id})
            return ended["at"] if ended else None
        waits = {"state": TicketState.TRIAGED.value, "parent_id": None, "choice.id": question.id}
        found = await self._tickets.find_one({"_id": question.ticket_id, **waits}, {"_id": 1})
        return None if found else datetime.now(UTC)

    async def _replace(self, old: UUID, by: Approval) -> None:
        """Have one question lead to the one that stands in its place, also in chats."""
        ended = ("$settled_at", by.created_at)
        await self._approvals.update_one(
            {"_id": old, "state": {"$in": _REPLACEABLE}, "superseded_by": None},
            [
                {
                    "$set": {
                        "state": ApprovalState.SUPERSEDED.value,
                        "superseded_by": by.id,
                        "settled_at": {"$ifNull": list(ended)},
                    }
                }
            ],
        )
        # What was settled is not looked at any more, and shows that it counts.
        await self._posts.update_many({"question_id": old}, {"$set": {"live": True}})

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
        self._tickets = db.get_collection("tickets")

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
                    "recipients": stored_recipients(recipients),
                    "created_at": now,
                }
            )
        except DuplicateKeyError:
            stored = await self._notifications.find_one({"_id": event.id})
            return tuple(map(Recipient.model_validate, (stored or {}).get("recipients", ())))
        return tuple(recipients)

    async def mark(self, event_id: UUID, recipient: Recipient) -> None:
        await _mark(self._notifications, event_id, recipient)

    async def title_of(self, ticket_id: UUID) -> str:
        found = await self._tickets.find_one({"_id": ticket_id}, {"alert.title": 1})
        return str((found or {}).get("alert", {}).get("title", ""))


@seam
class MongoCourses:
    """See ``Courses``: put together from what was asked, and what people were told."""

    def __init__(self, db: Database) -> None:
        self._approvals = db.get_collection("approvals")
        self._notifications = db.get_collection("notifications")
        self._tickets = db.get_collection("tickets")

    async def prepare(self) -> None:
        await self._notifications.create_index(
            [("ticket_id", 1), ("created_at", -1)], name="course"
        )

    async def of(self, ticket_id: UUID) -> tuple[Moment, ...]:
        which = {"ticket_id": ticket_id}
        ticket = await self._tickets.find_one({"_id": ticket_id}, {"created_at": 1})
        asked = self._approvals.find(which).sort("created_at", -1).limit(MOST)
        told = self._notifications.find(which, {"purpose": 1, "created_at": 1})
        return course(
            (ticket or {}).get("created_at"),
            [question_of(each) async for each in asked],
            [
                (each["purpose"], each["created_at"])
                async for each in told.sort("created_at", -1).limit(MOST)
            ],
        )


async def _mark(collection: Collection, document_id: UUID, recipient: Recipient) -> None:
    which: dict[str, Any] = {
        "email": recipient.email,
        # Who was asked before there were channels has none.
        "via": recipient.via or {"$in": ["", None]},
        "round": recipient.round or {"$in": ["", None]},
        "status": Status.QUEUED.value,
    }
    await collection.update_one(
        {"_id": document_id, "recipients": {"$elemMatch": which}},
        {
            "$set": {
                "recipients.$.status": recipient.status.value,
                "recipients.$.at": recipient.at,
                "recipients.$.error": recipient.error,
                "recipients.$.tries": recipient.tries,
                "recipients.$.reference": recipient.reference,
            },
        },
    )


def stored_recipients(recipients: Iterable[Recipient]) -> list[Document]:
    """Recipients as they stand in a document."""
    return [recipient.model_dump() | {"status": recipient.status.value} for recipient in recipients]


def _document(question: Question) -> Document:
    """The question as it is stored.

    Answers stand as JSON: their signatures cover the time to the microsecond, which a date in
    MongoDB would lose. So do options, which nothing is looked for in.
    """
    as_json = {"decisions", "options", "severity", "state", "risk", "evidence", "who"}
    as_json |= {"fields", "purpose", "change", "changeable", "proposal"}
    as_json |= {"seats", "on_no", "on_expiry"}
    return {
        **question.model_dump(exclude={"id", *as_json}),
        **question.model_dump(mode="json", include=as_json),
        "_id": question.id,
        "schema": SCHEMA,
        "recipients": stored_recipients(question.recipients),
    }


def _told(question: Question) -> Document:
    """What changes with an answer beside the answers: whose is missing, what somebody wants."""
    if not isinstance(question, Approval):
        return {}
    wants = question.proposal and question.proposal.model_dump(mode="json")
    return {"wanted": question.wanted, "proposal": wants}


def question_of(document: Document) -> Question:
    """A question as it was stored."""
    return _as(_KINDS.get(document.get("kind", ""), Approval), document)


def _as(kind: type[Q], document: Document) -> Q:
    return kind.model_validate({**document, "id": document["_id"]})
