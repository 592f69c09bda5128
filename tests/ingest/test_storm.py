"""A storm of alerts on few problems: all are counted, and none is refused."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

from services.ingest.ruling import Ruling
from services.ingest.sources.alertmanager import parse
from services.ingest.store import MongoTickets
from services.ingest.telling import events_of
from services.ingest.ticket import collapsed
from services.ingest.webhook import Webhook
from tests.ingest.payloads import body, fired
from tests.running import until

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)

HOOK = "/webhooks/alertmanager"
PROBLEMS = 20
SINGLES, GROUPS, GROUP = 1_000, 80, 50
ALERTS = SINGLES + GROUPS * GROUP


def notifications():
    """Singles and groups, mixed; each problem is told of as often as any other."""
    sizes = [1] * SINGLES + [GROUP] * GROUPS
    random.Random(1).shuffle(sizes)
    first = 0
    for size in sizes:
        yield body(*(fired(instance=f"web-{n % PROBLEMS}") for n in range(first, first + size)))
        first += size


async def posted(client, contents):
    """Post all, as many at once as there are connections; the answers by their status."""
    answers = Counter()

    async def keep_posting():
        for content in contents:
            answers[(await client.post(HOOK, content=content)).status_code] += 1

    await asyncio.gather(*(keep_posting() for _ in range(50)))
    return answers


async def test_a_storm_is_counted_to_the_last_alert_and_nobody_is_refused(ingest, db):
    answers = await posted(ingest, notifications())
    assert answers == {202: SINGLES + GROUPS}
    counts = [ticket["count"] async for ticket in db.tickets.find()]
    assert (len(counts), set(counts)) == (PROBLEMS, {ALERTS // PROBLEMS})
    assert await db.alerts.count_documents({}) == ALERTS


async def test_what_the_stream_has_is_not_told_again_with_each_alert_of_a_storm(ingest, db):
    answer = await ingest.post(HOOK, content=body(fired()))
    await until(lambda: db.tickets.find_one({"announced": True}))
    (alert,) = parse(Webhook("alertmanager", body(fired())))
    said = collapsed([Ruling(alert)])
    (again,) = await MongoTickets(db).record(said, NOW)
    assert str(again.ticket_id) == answer.json()["tickets"][0]["id"]
    (event,) = events_of(again, NOW, new_id=uuid4)
    assert (event.subject, event.count) == ("ticket.updated", 2)


async def test_a_storm_of_one_source_is_counted_by_what_became_of_it(ingest, db):
    await posted(ingest, iter([body(fired(instance=str(n % 3))) for n in range(60)]))
    text = (await ingest.get("/metrics")).text
    assert 'handrail_alerts_total{source="alertmanager",status="firing"} 60.0' in text
    assert "handrail_webhooks_in_flight 0.0" in text
    shown = [line for line in text.splitlines() if line.startswith("handrail_alert_decisions_t")]
    assert sum(float(line.split()[-1]) for line in shown) == 60
