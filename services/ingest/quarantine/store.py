"""The quarantine in MongoDB: for a time, and of each source only the newest."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from pymongo import ASCENDING, DESCENDING

from services.ingest.quarantine.kept import Quarantined
from shared.store import SCHEMA, Database, expiring, seam, translated

#: Kept of one source, so that one whose every webhook is broken cannot fill the disk.
MOST: Final = 1_000


@seam
class MongoQuarantine:
    """Webhooks that were not understood, for ``retention`` since they came last."""

    def __init__(self, db: Database, retention: timedelta, *, most: int = MOST) -> None:
        self._quarantine = db.get_collection("quarantine")
        self._retention = retention
        self._most = most

    async def prepare(self) -> None:
        """Make the indexes; where the retention has changed, what is there follows it."""
        await self._quarantine.create_index(
            [("source", ASCENDING), ("at", DESCENDING)], name="source_at"
        )
        await expiring(self._quarantine, "at", self._retention)

    async def keep(self, one: Quarantined) -> None:
        """Keep it, journaled by a majority; the oldest of its source make room."""
        said = one.model_dump(exclude={"id", "first_at", "times"})
        await self._quarantine.update_one(
            {"_id": one.id},
            {
                "$set": {**said, "schema": SCHEMA},
                "$inc": {"times": 1},
                "$setOnInsert": {"first_at": one.first_at},
            },
            upsert=True,
        )
        await self._make_room(one.source)

    async def _make_room(self, source: str) -> None:
        newest_first = self._quarantine.find({"source": source}, {"_id": 1}).sort("at", DESCENDING)
        too_many = [one["_id"] async for one in newest_first.skip(self._most)]
        if too_many:
            await self._quarantine.delete_many({"_id": {"$in": too_many}})


async def drop(db: Database, id_: UUID) -> None:
    """Forget what was kept.

    Raises:
        UnavailableError: MongoDB does not answer.
    """
    with translated():
        await db.get_collection("quarantine").delete_one({"_id": id_})
