"""Vectors of runbooks in MongoDB, so that no planner embeds what one of them has embedded."""

from array import array
from collections.abc import Iterable, Mapping

from bson import Binary
from pymongo.errors import BulkWriteError

from shared.runbook.search import Vector
from shared.store import RELAXED, SCHEMA, Database, seam

_DUPLICATE = 11000


@seam
class MongoVectors:
    """Vectors by their keys: 32-bit floats, 1.5 KB each, and never another one for the same key.

    What a crash loses is embedded again.
    """

    def __init__(self, db: Database) -> None:
        self._vectors = db.get_collection("runbook_vectors", write_concern=RELAXED)

    async def these(self, keys: Iterable[str]) -> dict[str, Vector]:
        """Those of these that are there."""
        found = self._vectors.find({"_id": {"$in": list(keys)}}, {"vector": 1})
        return {each["_id"]: array("f", each["vector"]) async for each in found}

    async def keep(self, vectors: Mapping[str, Vector]) -> None:
        """Add vectors; one that another planner has added is left as it is."""
        said = [
            {"_id": key, "schema": SCHEMA, "vector": Binary(array("f", vector).tobytes())}
            for key, vector in vectors.items()
        ]
        try:
            await self._vectors.insert_many(said, ordered=False)
        except BulkWriteError as error:
            if any(one["code"] != _DUPLICATE for one in error.details["writeErrors"]):
                raise
