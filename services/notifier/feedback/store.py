"""Feedback in MongoDB: one document a person and ticket, with its events until they are out."""

from typing import Any, Protocol
from uuid import UUID

from pymongo.errors import DuplicateKeyError

from services.notifier.feedback.feedback import Feedback
from shared.bus import Publish
from shared.outbox import Outbox, kept, push
from shared.store import SCHEMA, Database, seam


class Feedbacks(Protocol):
    """Where it is kept what people said."""

    async def record(self, said: Feedback) -> bool:
        """Store it in place of what this person said before; false where that is the same."""
        ...

    async def announce(self, said: Feedback) -> None:
        """Publish what was recorded.

        Raises:
            UnavailableError: not now; the sweep finds it.
        """
        ...

    async def find(self, ticket_id: UUID, by: str) -> Feedback | None: ...


@seam
class MongoFeedbacks:
    """See ``Feedbacks``; ``sweep`` publishes what a crash left."""

    def __init__(self, db: Database, publish: Publish) -> None:
        self._feedback = db.get_collection("feedback")
        self._outbox = Outbox(self._feedback, publish)

    async def prepare(self) -> None:
        await self._feedback.create_index("ticket_id", name="ticket")
        await self._outbox.prepare()

    async def record(self, said: Feedback) -> bool:
        content: dict[str, Any] = said.model_dump(include={"fixed", "stars", "comment"})
        stored = {**said.model_dump(), "schema": SCHEMA}
        update = {**push([said.event()], traceparent=""), "$set": stored}
        try:
            await self._feedback.update_one(
                {"_id": said.id, "$nor": [content]}, update, upsert=True
            )
        except DuplicateKeyError:
            return False
        return True

    async def announce(self, said: Feedback) -> None:
        await self._outbox.flush(said.id, kept([said.event()], traceparent=""))

    async def find(self, ticket_id: UUID, by: str) -> Feedback | None:
        found = [said for said in await self.of(ticket_id) if said.by.casefold() == by.casefold()]
        return found[0] if found else None

    async def of(self, ticket_id: UUID) -> tuple[Feedback, ...]:
        """What everybody said of a ticket, the oldest first."""
        found = self._feedback.find({"ticket_id": ticket_id}).sort("at", 1)
        return tuple([Feedback.model_validate(each) async for each in found])

    async def sweep(self) -> int:
        """See ``Outbox.sweep``."""
        return await self._outbox.sweep()
