"""Requests with an idempotency key, and what they were answered."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.ingest.manual.ticket import Accepted
from shared.store import SCHEMA, Database, expiring, seam

#: A key may be used for another request after this.
REMEMBERED: Final = timedelta(days=1)


@dataclass(frozen=True)
class Earlier:
    """A request that came with the same key; without an answer it may be under way yet."""

    digest: str
    answer: Accepted | None


@seam
class MongoRequests:
    """Requests by their keys, for a day."""

    def __init__(self, db: Database) -> None:
        self._requests = db.get_collection("requests")

    async def prepare(self) -> None:
        """Make the index; changes nothing where it is."""
        await expiring(self._requests, "at", REMEMBERED)

    async def begin(self, source: str, key: str, digest: str, now: datetime) -> Earlier | None:
        """Note a request, unless there is one with its key: then that."""
        id_ = _id(source, key)
        new = {"_id": id_, "schema": SCHEMA, "digest": digest, "at": now}
        try:
            await self._requests.insert_one(new)
        except DuplicateKeyError:
            found = await self._requests.find_one({"_id": id_})
            if found is None:
                return None
            answer = found.get("answer")
            return Earlier(found["digest"], Accepted.model_validate(answer) if answer else None)
        return None

    async def finish(self, source: str, key: str, answer: Accepted) -> Accepted:
        """Note the answer; of several to the same request, the first counts for all."""
        first = {"answer": {"$ifNull": ["$answer", answer.model_dump()]}}
        found = await self._requests.find_one_and_update(
            {"_id": _id(source, key)}, [{"$set": first}], return_document=ReturnDocument.AFTER
        )
        return Accepted.model_validate(found["answer"]) if found else answer


def _id(source: str, key: str) -> str:
    return hashlib.sha256(f"{source}\0{key}".encode()).hexdigest()
