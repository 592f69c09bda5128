"""Tickets as ingest sees them: opened, counted, told that their problem is gone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from services.ingest.ticket import Recorded
from shared.events import Alert, AlertStatus
from shared.lifecycle import TicketState
from shared.store import RELAXED, SCHEMA, Database, Document, seam

_DUPLICATE_KEY: Final = 11000
# Two requests that open the same ticket at once: the one that lost counts on the winner's.
_ATTEMPTS: Final = 3

Fired = tuple[Alert, int]


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

    async def record(self, alerts: Sequence[Fired], now: datetime) -> list[Recorded]:
        """Store what the alerts say, journaled by a majority; each problem may be there once.

        A firing alert opens a ticket or counts on the open one. A resolved one is noted on the open
        ticket; where there is none it says nothing that is still of use.
        """
        recorded: list[Recorded] = []
        left = list(alerts)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return recorded + await self._write(left, now)
            except BulkWriteError as error:
                lost = _lost_races(error, last=attempt == _ATTEMPTS)
                won = [fired for index, fired in enumerate(left) if index not in lost]
                recorded += await self._found(won)
                left = [left[index] for index in lost]
        return recorded

    async def _write(self, alerts: Sequence[Fired], now: datetime) -> list[Recorded]:
        ids = [uuid4() for _ in alerts]
        writes = [_write(*fired, id_, now) for fired, id_ in zip(alerts, ids, strict=True)]
        result = await self._tickets.bulk_write(writes, ordered=False)
        opened = set(result.upserted_ids or ())
        fresh = [
            Recorded(
                ticket_id=ids[index],
                alert=alerts[index][0],
                opened=True,
                state=TicketState.NEW,
                count=alerts[index][1],
                created_at=now,
            )
            for index in sorted(opened)
        ]
        known = [fired for index, fired in enumerate(alerts) if index not in opened]
        return fresh + await self._found(known)

    async def _found(self, alerts: Sequence[Fired]) -> list[Recorded]:
        if not alerts:
            return []
        by_fingerprint = {alert.fingerprint: alert for alert, _ in alerts}
        cursor = self._tickets.find(
            {"open_fingerprint": {"$in": list(by_fingerprint)}},
            {"open_fingerprint": 1, "state": 1, "count": 1, "created_at": 1},
        )
        return [
            Recorded(
                ticket_id=found["_id"],
                alert=by_fingerprint[found["open_fingerprint"]],
                opened=False,
                state=TicketState(found["state"]),
                count=found["count"],
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
        """Note that the stream has the opening of these tickets."""
        await self._relaxed.update_many(
            {"_id": {"$in": list(ticket_ids)}}, {"$set": {"announced": True}}
        )


def _write(alert: Alert, fired: int, ticket_id: UUID, now: datetime) -> UpdateOne:
    resolved = alert.status is AlertStatus.RESOLVED
    said = {
        "last_seen_at": now,
        "updated_at": now,
        "source_resolved_at": (alert.ends_at or now) if resolved else None,
    }
    query = {"open_fingerprint": alert.fingerprint}
    if not fired:
        return UpdateOne(query, {"$set": said})
    return UpdateOne(
        query,
        {"$set": said, "$inc": {"count": fired}, "$setOnInsert": _opened(alert, ticket_id, now)},
        upsert=True,
    )


def _opened(alert: Alert, ticket_id: UUID, now: datetime) -> Document:
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


def _lost_races(error: BulkWriteError, *, last: bool) -> set[int]:
    failures = error.details.get("writeErrors", [])
    if last or not failures or any(failure["code"] != _DUPLICATE_KEY for failure in failures):
        raise error
    return {failure["index"] for failure in failures}
