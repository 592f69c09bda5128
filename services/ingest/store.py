"""Tickets as ingest sees them: opened, counted, told that their problem is gone."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from services.ingest.ticket import Recorded, Said
from shared.errors import UnavailableError
from shared.events import Alert, AlertStatus
from shared.lifecycle import TicketState
from shared.store import RELAXED, SCHEMA, Database, Document, seam

_DUPLICATE_KEY: Final = 11000
# Two requests that open the same ticket at once: the one that lost counts on the winner's.
_ATTEMPTS: Final = 3


@seam
class MongoTickets:
    """Tickets in MongoDB.

    ``open_fingerprint`` is there while a ticket is open, and unique: that is what makes repeated
    alerts one ticket, whatever number of replicas takes them in.
    """

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")
        self._relaxed = self._tickets.with_options(write_concern=RELAXED)

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._tickets.create_index(
            "open_fingerprint", unique=True, sparse=True, name="open_fingerprint"
        )
        await self._tickets.create_index(
            [("state", ASCENDING), ("created_at", DESCENDING)], name="state_created"
        )
        await self._tickets.create_index([("created_at", DESCENDING)], name="created")

    async def record(self, said: Sequence[Said], now: datetime) -> list[Recorded]:
        """Store what was said, journaled by a majority; each problem may be there once.

        A firing alert opens a ticket or counts on the open one. A resolved one is noted on the open
        ticket; where there is none it says nothing that is still of use.
        """
        recorded: list[Recorded] = []
        left = list(said)
        for _ in range(_ATTEMPTS):
            done, left = await self._write(left, now)
            recorded += done
            if not left:
                return recorded
        raise UnavailableError("too many requests open the same tickets at once")

    async def _write(self, said: list[Said], now: datetime) -> tuple[list[Recorded], list[Said]]:
        """What was recorded, and what lost a race and is to be written again."""
        ids = _new_ids(len(said))
        writes = [_write(one, id_, now) for one, id_ in zip(said, ids, strict=True)]
        lost: set[int] = set()
        try:
            result = await self._tickets.bulk_write(writes, ordered=False)
            opened = set(result.upserted_ids or ())
        except BulkWriteError as error:
            lost = _lost_races(error)
            opened = {upserted["index"] for upserted in error.details["upserted"]}
        fresh = [_opened(said[index], ids[index], now) for index in sorted(opened)]
        known = [one for index, one in enumerate(said) if index not in opened | lost]
        return fresh + await self._found(known), [said[index] for index in sorted(lost)]

    async def _found(self, said: list[Said]) -> list[Recorded]:
        if not said:
            return []
        alerts = {one.alert.fingerprint: one.alert for one in said}
        cursor = self._tickets.find(
            {"open_fingerprint": {"$in": list(alerts)}},
            {"open_fingerprint": 1, "state": 1, "count": 1, "firing": 1, "created_at": 1},
        )
        return [
            Recorded(
                ticket_id=found["_id"],
                alert=alerts[found["open_fingerprint"]],
                opened=False,
                state=TicketState(found["state"]),
                count=found["count"],
                gone=not found["firing"],
                created_at=found["created_at"],
            )
            async for found in cursor
        ]

    async def unannounced(self, before: datetime, most: int) -> list[tuple[UUID, Alert, datetime]]:
        """Tickets opened before then that nobody has judged, each told of once."""
        query = {
            "state": TicketState.NEW.value,
            "created_at": {"$lt": before},
            "announced": {"$exists": False},
        }
        cursor = self._tickets.find(query, {"alert": 1, "created_at": 1}).limit(most)
        return [
            (ticket["_id"], Alert.model_validate(ticket["alert"]), ticket["created_at"])
            async for ticket in cursor
        ]

    async def announced(self, ticket_ids: Sequence[UUID]) -> None:
        """Note that the stream has the opening of these tickets, where that is of use yet."""
        not_judged = {"_id": {"$in": list(ticket_ids)}, "state": TicketState.NEW.value}
        await self._relaxed.update_many(not_judged, {"$set": {"announced": True}})


def _new_ids(number: int) -> list[UUID]:
    """Random ids; asking the system once for all is a good part faster than ``uuid4`` for each."""
    random = os.urandom(16 * number)
    return [UUID(bytes=random[at : at + 16], version=4) for at in range(0, len(random), 16)]


def _write(said: Said, ticket_id: UUID, now: datetime) -> UpdateOne:
    query = {"open_fingerprint": said.alert.fingerprint}
    new = _new(said.alert, ticket_id, now)
    if said.over:
        return UpdateOne(query, _partly_over(said, new, now), upsert=bool(said.fired))
    seen = {"last_seen_at": now, "updated_at": now, "source_resolved_at": None}
    fired: Document = {
        "$set": seen,
        "$inc": {"count": said.fired},
        "$addToSet": {"firing": {"$each": list(said.firing)}},
        "$setOnInsert": new,
    }
    return UpdateOne(query, fired, upsert=True)


def _partly_over(said: Said, new: Document, now: datetime) -> list[Document]:
    """What depends on which alerts still fire by what stands there, decided in the write itself.

    As a pipeline it costs a tenth more than plain operators, which do for most notifications.
    """
    still = {"$setDifference": [{"$ifNull": ["$firing", []]}, list(said.over)]}
    gone = {"$cond": [{"$eq": ["$firing", []]}, said.ended_at or now, None]}
    changes: list[Document] = [
        {
            "$set": {
                "firing": {"$setUnion": [still, list(said.firing)]},
                "count": {"$add": [{"$ifNull": ["$count", 0]}, said.fired]},
                "last_seen_at": now,
                "updated_at": now,
            }
        },
        {"$set": {"source_resolved_at": gone}},
    ]
    if said.fired:
        # What stands there wins over what a new ticket begins with.
        begins = {"$mergeObjects": [{"$literal": new}, "$$ROOT"]}
        changes.insert(0, {"$replaceWith": begins})
    return changes


def _new(alert: Alert, ticket_id: UUID, now: datetime) -> Document:
    return {
        "_id": ticket_id,
        "schema": SCHEMA,
        "state": TicketState.NEW.value,
        "source": alert.source,
        "fingerprint": alert.fingerprint,
        "title": alert.title,
        "severity": alert.severity.value if alert.severity else None,
        "alert": alert.model_dump(mode="json"),
        "created_at": now,
    }


def _opened(said: Said, ticket_id: UUID, now: datetime) -> Recorded:
    return Recorded(
        ticket_id=ticket_id,
        alert=said.alert,
        opened=True,
        state=TicketState.NEW,
        count=said.fired,
        gone=said.alert.status is AlertStatus.RESOLVED,
        created_at=now,
    )


def _lost_races(error: BulkWriteError) -> set[int]:
    """The writes that found the ticket just opened by another request."""
    if error.details["writeConcernErrors"]:
        raise UnavailableError("MongoDB did not confirm a write") from error
    failures = error.details["writeErrors"]
    if any(failure["code"] != _DUPLICATE_KEY for failure in failures):
        raise error
    return {failure["index"] for failure in failures}
