"""Whose mail came back, in the question or the news that it told of."""

from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from services.notifier.question import Question
from services.notifier.recipients import Recipient, Status
from services.notifier.store import question_of
from shared.errors import UnavailableError
from shared.lifecycle import ApprovalState
from shared.store import Collection, Database, Document, seam

#: What a message can be of which it was not yet known that it does not arrive.
_UNDERWAY: Final = (Status.QUEUED.value, Status.SENT.value)


class Bounced(Protocol):
    """Where recipients are kept."""

    async def find(self, document_id: UUID) -> "Question | Told | None":
        """The question or the news that somebody was told of."""
        ...

    async def together(self, question: Question, to: Recipient) -> tuple[Question, ...]:
        """The other open questions that came to this recipient in the same mail."""
        ...

    async def mark(self, found: "Question | Told", to: Recipient, now: datetime) -> None:
        """Store that a mail came back, and have the question be looked at again at once.

        Raises:
            UnavailableError: somebody is told of the question just now; not before that is over.
        """
        ...


class Told:
    """News of which people were told."""

    def __init__(self, document: Document) -> None:
        self.id: UUID = document["_id"]
        self.ticket_id: UUID = document["ticket_id"]
        self.purpose: str = document["purpose"]
        self.recipients = tuple(map(Recipient.model_validate, document["recipients"]))


@seam
class MongoBounced:
    """See ``Bounced``."""

    def __init__(self, db: Database) -> None:
        self._approvals = db.get_collection("approvals")
        self._notifications = db.get_collection("notifications")

    async def find(self, document_id: UUID) -> Question | Told | None:
        asked = await self._approvals.find_one({"_id": document_id})
        if asked is not None:
            return question_of(asked)
        told = await self._notifications.find_one({"_id": document_id})
        return None if told is None else Told(told)

    async def together(self, question: Question, to: Recipient) -> tuple[Question, ...]:
        digest = question.routing.digest if question.routing else None
        if not digest or not to.reference:
            return ()
        pending = {"state": ApprovalState.PENDING.value, "_id": {"$ne": question.id}}
        same = {"email": to.email, "reference": to.reference}
        found = self._approvals.find(
            {**pending, "routing.digest": digest, "recipients": {"$elemMatch": same}}
        )
        return tuple([question_of(each) async for each in found])

    async def mark(self, found: Question | Told, to: Recipient, now: datetime) -> None:
        if isinstance(found, Told):
            await _mark(self._notifications, {"_id": found.id}, to, {})
            return
        waiting = {"_id": found.id, "state": ApprovalState.PENDING.value}
        # A round that is under way would not see it, and say itself when to look again.
        free = {"$or": [{"routing.claimed_until": None}, {"routing.claimed_until": {"$lte": now}}]}
        if await _mark(self._approvals, waiting | free, to, {"routing.next_at": now}):
            return
        if await self._approvals.find_one({**waiting, **_to(to)}, {"_id": 1}):
            raise UnavailableError("people are told of this question just now: try again later")
        await _mark(self._approvals, {"_id": found.id}, to, {})


async def _mark(
    collection: Collection, which: Document, to: Recipient, besides: dict[str, Any]
) -> bool:
    changed = await collection.update_one(
        {**which, **_to(to)},
        {
            "$set": {
                "recipients.$.status": to.status.value,
                "recipients.$.at": to.at,
                "recipients.$.error": to.error,
                **besides,
            }
        },
    )
    return bool(changed.matched_count)


def _to(to: Recipient) -> Document:
    which = {
        "email": to.email,
        "via": to.via or {"$in": ["", None]},
        "round": to.round or {"$in": ["", None]},
        "status": {"$in": list(_UNDERWAY)},
    }
    return {"recipients": {"$elemMatch": which}}
