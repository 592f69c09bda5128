"""The history of alerts in MongoDB."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError, OperationFailure

from services.ingest.history.entry import Entry
from services.ingest.history.imported import Imported
from services.ingest.ticket import Decision
from shared.store import SCHEMA, Collection, Database, Document, expiring, seam

_DUPLICATE_KEY: Final = 11000
_NO_SUCH_INDEX: Final = 27
# What is written at once while older entries are brought up to date: well within a write's time.
_AT_ONCE: Final = 5_000


@seam
class MongoHistory:
    """Every accepted alert, for ``retention``.

    Ids are those of MongoDB, which grow: random ones would cost a good part of the whole.
    """

    def __init__(self, db: Database, retention: timedelta) -> None:
        self._alerts = db.get_collection("alerts")
        self._retention = retention

    async def prepare(self) -> None:
        """Make the indexes; where the retention has changed, what is there follows it."""
        for field in ("source", "fingerprint", "ticket_id"):
            await self._alerts.create_index(
                [(field, ASCENDING), ("at", DESCENDING)], name=f"{field}_at"
            )
        await self._alerts.create_index([("at", DESCENDING)], name="at")
        await expiring(self._alerts, "kept_at", self._retention)
        await _by_when_kept(self._alerts)

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Keep the alerts, journaled by a majority."""
        await self._alerts.insert_many([_document(entry) for entry in entries], ordered=False)


@seam
class MongoImports:
    """Where alerts of another time come into the history; nothing acts on them."""

    def __init__(self, db: Database) -> None:
        self._alerts = db.get_collection("alerts")

    async def prepare(self) -> None:
        """See to it that they are not removed for their age."""
        await _by_when_kept(self._alerts)

    async def add(self, imported: Sequence[Imported], now: datetime) -> int:
        """Keep what is not there yet, journaled by a majority; how many that were."""
        documents = [
            {"_id": _id(one.id), **_document(_entry(one)), "kept_at": now} for one in imported
        ]
        try:
            await self._alerts.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            if any(each["code"] != _DUPLICATE_KEY for each in details["writeErrors"]):
                raise
            return int(details["nInserted"])
        return len(documents)


async def _by_when_kept(alerts: Collection) -> None:
    """Have entries removed so long after they were kept, not after they happened.

    The history was first kept by ``at``, which would remove what is imported at once.
    """
    old = {"kept_at": None, "at": {"$type": "date"}}
    while late := await alerts.find(old, {"_id": 1}).to_list(_AT_ONCE):
        ids = [one["_id"] for one in late]
        await alerts.update_many({"_id": {"$in": ids}}, [{"$set": {"kept_at": "$at"}}])
    try:
        await alerts.drop_index("at_expires")
    except OperationFailure as error:
        if error.code != _NO_SUCH_INDEX:
            raise


def _id(written: str) -> ObjectId | UUID:
    return ObjectId(written) if ObjectId.is_valid(written) else UUID(written)


def _entry(one: Imported) -> Entry:
    return Entry(one.alert, one.at, Decision.IMPORTED, one.because, None)


def _document(entry: Entry) -> Document:
    alert = entry.alert
    return {
        "schema": SCHEMA,
        "at": entry.at,
        "kept_at": entry.at,
        "decision": entry.decision.value,
        "because": entry.because,
        "ticket_id": entry.ticket_id,
        "source": alert.source,
        "name": alert.name,
        "fingerprint": alert.fingerprint,
        "status": alert.status.value,
        "title": alert.title,
        "resource": alert.resource,
        "alert": alert.model_dump(mode="json"),
    }
