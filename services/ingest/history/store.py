"""The history of alerts in MongoDB."""

from collections.abc import Sequence
from datetime import timedelta

from pymongo import ASCENDING, DESCENDING

from services.ingest.history.entry import Entry
from shared.store import SCHEMA, Database, Document, expiring, seam


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
        await expiring(self._alerts, "at", self._retention)

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Keep the alerts, journaled by a majority."""
        await self._alerts.insert_many([_document(entry) for entry in entries], ordered=False)


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
