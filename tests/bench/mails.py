"""From `step.awaiting_approval` to the mail that is handed to the mail server."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import nats
from pydantic import SecretStr

from shared.signing import Signer
from tests.bench.measure import Measure, percentile
from tests.bench.site import site
from tests.flows.world import SECRET
from tests.notifier.builders import asking
from tests.notifier.smtpd import mail_server

QUESTIONS, WARM, PER_SECOND = 500, 50, 50
# What the way cannot do without: the question is stored, and that it was sent.
WRITES, EVENTS = 2, 1


async def question_to_mail() -> list[Measure]:
    """Questions at a steady 50 a second; until the server has the whole mail."""
    async with mail_server() as inbox, site() as (world, floor):
        world.extra |= {
            "HANDRAIL_SMTP_URL": f"smtp://127.0.0.1:{inbox.port}?starttls=never",
            "HANDRAIL_MAIL_FROM": "Handrail <handrail@example.com>",
        }
        await world.start("notifier")
        client = await nats.connect(world.nats_url)
        asked = await _asked(client.jetstream())
        await client.close()
        async with asyncio.timeout(120):
            while len(inbox.mails) < QUESTIONS + WARM:
                await asyncio.sleep(0.05)
        bare = await _bare(floor)
    subjects = (mail["Subject"].split()[-1] for mail in inbox.mails)
    arrived = dict(zip(subjects, inbox.at, strict=True))
    # The first ones open connections and fill caches.
    times = [(arrived[title] - at) * 1000 for title, at in list(asked.items())[WARM:]]
    p95, floor95 = percentile(times, 0.95), percentile(bare, 0.95)
    return [
        Measure("mail_latency_ms_p95", p95, "ms", "<= 100", floor95, p95 / floor95, tuple(times))
    ]


async def _asked(js) -> dict[str, float]:
    """When each question was published, by its ticket's title."""
    asked: dict[str, float] = {}
    began = time.perf_counter()
    for number in range(QUESTIONS + WARM):
        event = _question(f"ticket-{number}")
        await asyncio.sleep(max(0, began + number / PER_SECOND - time.perf_counter()))
        asked[event.ticket_title] = time.perf_counter()
        await js.publish(event.subject, event.body(), headers=event.headers(source="executor"))
    return asked


def _question(title: str):
    ids: dict[str, UUID] = {
        name: uuid4() for name in ("id", "ticket_id", "session_id", "approval_id")
    }
    now = datetime.now(UTC)
    event = asking(**ids, ticket_title=title, time=now, expires_at=now + timedelta(hours=1))
    return Signer(SecretStr(SECRET)).signed_event(event)


async def _bare(floor) -> list[float]:
    times = []
    for _ in range(100):
        began = time.perf_counter()
        for _write in range(WRITES):
            await floor.write()
        for _event in range(EVENTS):
            await floor.publish()
        times.append((time.perf_counter() - began) * 1000)
    return times
