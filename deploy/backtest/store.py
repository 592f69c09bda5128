"""What a backtest reads of the store: the history of alerts, and the records of runbooks."""

from collections.abc import AsyncIterator
from datetime import datetime

from pymongo import ASCENDING

from deploy.backtest.planning import Records
from services.ingest.history.imported import Imported
from shared.events import Alert
from shared.policy.records.store import MongoRecords
from shared.store import Database, seam


@seam
class MongoPast:
    """Accepted alerts, and what became of runbooks; only read."""

    def __init__(self, db: Database) -> None:
        self._alerts = db.get_collection("alerts")
        self._records = MongoRecords(db)

    async def alerts(self, since: datetime | None) -> AsyncIterator[Imported]:
        """Accepted alerts with the times at which they were, the oldest first."""
        query = {} if since is None else {"at": {"$gte": since}}
        order = [("at", ASCENDING), ("_id", ASCENDING)]
        cursor = self._alerts.find(query, {"at": 1, "alert": 1}).sort(order).allow_disk_use(True)
        async for found in cursor:
            alert = Alert.model_validate(found["alert"])
            yield Imported(str(found["_id"]), alert, found["at"], "")

    async def records(self) -> Records:
        """How runbooks stand today, by name and version."""
        return {(one.runbook, one.version): one for one in await self._records.known()}
