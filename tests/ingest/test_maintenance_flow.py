"""A maintenance window on a running ingest: from the webhook to the reopening after its end."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.ingest.maintenance.store import MongoWindows
from services.ingest.maintenance.stored import StoredWindow
from shared.config.maintenance import MaintenanceWindow
from tests.ingest.payloads import body, fired
from tests.running import until


async def test_an_alert_in_a_window_is_closed_and_reopened_when_that_is_ended(
    ingest, db, on_stream
):
    now = datetime.now(UTC)
    said = MaintenanceWindow(
        name="move", reason="it moves", all=True, starts=now, ends=now + timedelta(hours=1)
    )
    windows = MongoWindows(db)
    await windows.add(StoredWindow(id=uuid4(), said=said, by="ops", created_at=now))

    async def suppressed():
        # The window holds from the next look on; until then each problem opens a ticket.
        posted = await ingest.post("/webhooks/alertmanager", content=body(fired(uuid4().hex)))
        assert posted.status_code == 202
        return await db.tickets.find_one({"suppressed.window": "move"})

    ticket = await until(suppressed, within=60)
    assert ticket["state"] == "closed"
    (closed,) = await on_stream.of_ticket(ticket["_id"], "ticket.closed")
    assert json.loads(closed.data)["suppressed_by"] == "move"

    await windows.end("move", datetime.now(UTC), "ops")

    async def reopened():
        return await on_stream.of_ticket(ticket["_id"], "ticket.reopened")

    (event,) = await until(reopened, within=60)
    assert "still fires" in json.loads(event.data)["reason"]
    assert (await db.tickets.find_one({"_id": ticket["_id"]}))["state"] == "reopened"
