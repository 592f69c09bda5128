"""The audit trail in MongoDB: entries are added, and there is no way to change one."""

from uuid import UUID

from services.notifier.audit.entry import Entry
from shared.store import SCHEMA, Database, seam


@seam
class MongoTrail:
    """See ``Trail``."""

    def __init__(self, db: Database) -> None:
        self._entries = db.get_collection("approval_audit")

    async def prepare(self) -> None:
        await self._entries.create_index([("approval_id", 1), ("at", 1)], name="question")

    async def add(self, entry: Entry) -> None:
        stored = entry.model_dump(mode="json", exclude={"id", "at", "approval_id", "ticket_id"})
        ids = entry.model_dump(include={"at", "approval_id", "ticket_id"})
        await self._entries.insert_one({"_id": entry.id, "schema": SCHEMA, **ids, **stored})

    async def of(self, approval_id: UUID) -> tuple[Entry, ...]:
        """All that people did with a question, the oldest first."""
        found = self._entries.find({"approval_id": approval_id}).sort("at", 1)
        return tuple([Entry.model_validate({**each, "id": each["_id"]}) async for each in found])
