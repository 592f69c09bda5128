"""Who tells people of a question at the moment, in the question's own document."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from pymongo.errors import DuplicateKeyError

from services.notifier.question import Question
from services.notifier.recipients import Recipient
from services.notifier.routing.state import LEASE, Routing
from services.notifier.store import question_of, stored_recipients
from shared.lifecycle import ApprovalState
from shared.store import RELAXED, Database, Document, expiring, seam

#: So many questions are looked at in one go.
BATCH: Final = 200


class Claims(Protocol):
    """Makes sure that of several replicas one tells people, and that another goes on if it dies."""

    async def due(self, now: datetime) -> list[Question]:
        """Pending questions that are to be looked at, those that wait longest first."""
        ...

    async def take(
        self,
        question_id: UUID,
        seen: Routing,
        *,
        owner: str,
        done: Collection[str],
        more: Sequence[Recipient],
        now: datetime,
    ) -> bool:
        """Claim the next round, and store whom it tells in the same write.

        False where the question is settled or claimed, or somebody has looked since ``seen``.
        """
        ...

    async def rest(self, question_id: UUID, owner: str, next_at: datetime | None) -> None:
        """Give the claim back, and say when the question is to be looked at again.

        One that was lost to somebody else is not given back.
        """
        ...

    async def gather(self, digest: str, owner: str, now: datetime) -> bool:
        """Claim a mail for several questions; false where another replica makes it."""
        ...


@seam
class MongoClaims:
    """See ``Claims``."""

    def __init__(self, db: Database) -> None:
        self._approvals = db.get_collection("approvals")
        # What is lost of it in a crash is found again when the claim runs out.
        self._relaxed = self._approvals.with_options(write_concern=RELAXED)
        self._digests = db.get_collection("digests")

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._approvals.create_index([("state", 1), ("routing.next_at", 1)], name="routing")
        await expiring(self._digests, "claimed_until", LEASE * 60)

    async def due(self, now: datetime) -> list[Question]:
        query = {"state": ApprovalState.PENDING.value, "routing.next_at": {"$lte": now}}
        found = self._approvals.find(query).sort("routing.next_at", 1).limit(BATCH)
        return [question_of(document) async for document in found]

    async def take(
        self,
        question_id: UUID,
        seen: Routing,
        *,
        owner: str,
        done: Collection[str],
        more: Sequence[Recipient],
        now: datetime,
    ) -> bool:
        free = {"$or": [{"routing.claimed_until": None}, {"routing.claimed_until": {"$lte": now}}]}
        guard = {"_id": question_id, "state": ApprovalState.PENDING.value, **free}
        until = {"routing.claimed_until": now + LEASE, "routing.next_at": now + LEASE}
        changed = await self._approvals.update_one(
            {**guard, "routing.turn": seen.turn},
            {
                "$set": {"routing.owner": owner, **until},
                "$inc": {"routing.turn": 1},
                "$addToSet": {"routing.done": {"$each": list(done)}},
                "$push": {"recipients": {"$each": stored_recipients(more)}},
            },
        )
        return bool(changed.matched_count)

    async def rest(self, question_id: UUID, owner: str, next_at: datetime | None) -> None:
        resting: Document = {"routing.claimed_until": None, "routing.owner": ""}
        change: Document = {"$set": {**resting, "routing.next_at": next_at}}
        if next_at is None:
            change = {"$set": resting, "$unset": {"routing.next_at": ""}}
        await self._relaxed.update_one({"_id": question_id, "routing.owner": owner}, change)

    async def gather(self, digest: str, owner: str, now: datetime) -> bool:
        free = {"_id": digest, "claimed_until": {"$lte": now}}
        claim = {"$set": {"claimed_until": now + LEASE, "owner": owner}}
        try:
            await self._digests.update_one(free, claim, upsert=True)
        except DuplicateKeyError:  # somebody has it
            return False
        return True
