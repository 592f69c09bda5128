"""What was in quarantine, taken in again as if it came now: for the command that asks for it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from services.ingest.api import parsed
from services.ingest.app import exactly_now, parser
from services.ingest.inside import inside
from services.ingest.intake import Intake
from services.ingest.quarantine.kept import Quarantined
from services.ingest.refusal import Refusal
from services.ingest.ticket import Recorded
from shared.bus import Bus
from shared.config import Config
from shared.errors import HandrailError
from shared.events import Alert
from shared.store import Database
from shared.telemetry import tracer_provider


class NotReplayedError(HandrailError):
    """It is not understood yet, or cannot be; it stays in quarantine."""


@dataclass(frozen=True)
class Replay:
    """Takes in again what is understood now."""

    config: Config
    intake: Intake
    now: Callable[[], datetime]

    async def take(self, one: Quarantined) -> list[Recorded]:
        """Make tickets of it, with the same promise as for a webhook.

        Raises:
            NotReplayedError: see there.
            UnavailableError: the store or the bus does not answer.
        """
        return await self.intake.take(understood(one, self.config), self.now())


def understood(one: Quarantined, config: Config) -> tuple[Alert, ...]:
    """The alerts in it, by what its source is now.

    Raises:
        NotReplayedError: there are none.
        SettingsError: its source is of a kind that is not known.
    """
    if not one.whole:
        raise NotReplayedError(
            f"{one.id}: only {one.kept} of its {one.size} bytes were kept: have it sent again"
        )
    if one.source not in config.sources:
        raise NotReplayedError(f"{one.id}: there is no source {one.source} in handrail.yaml")
    try:
        return parsed(parser(one.source, config.sources[one.source]), one.webhook())
    except Refusal as refusal:
        raise NotReplayedError(f"{one.id} is not understood: {refusal}") from None


@asynccontextmanager
async def replaying(db: Database, nats_url: str, config: Config) -> AsyncIterator[Replay]:
    """The parts of ingest that a replay needs, on servers that answer.

    Raises:
        UnavailableError: JetStream does not answer.
    """
    provider = tracer_provider("ingest")
    bus = Bus("ingest", url=nats_url, tracer_provider=provider, registry=CollectorRegistry())
    # The retention is the running service's to set.
    parts = inside(db, bus.publish, config, now=exactly_now, retention=timedelta())
    await bus.connect()
    try:
        await parts.windows.refresh()
        yield Replay(config, parts.intake, exactly_now)
        await parts.announcements.note()
    finally:
        await bus.stop()
        provider.shutdown()
