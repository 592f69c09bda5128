"""How a command reaches what runs: by settings, or by what a running ``handrail up`` has noted."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from deploy.home import Home
from deploy.runfile import Run, found
from deploy.store import Reader
from shared.errors import HandrailError, UnavailableError
from shared.store import Database, answers, connect, database

_NATS: Final = "HANDRAIL_NATS_URL"
_MONGO: Final = "HANDRAIL_MONGO_URL"
_DATABASE: Final = "HANDRAIL_MONGO_DATABASE"
_CONNECT_TIMEOUT: Final = 3


class NotRunningError(HandrailError):
    """What a command needs cannot be reached."""


@dataclass(frozen=True)
class Place:
    """An installation as a command sees it; ``run`` is there when ``handrail up`` runs here."""

    home: Home
    run: Run | None
    nats: str | None
    mongo: str | None
    database: str

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> "Place":
        """What the environment names goes before what was noted."""
        home = Home.of(environment)
        run = found(home.path)
        return cls(
            home=home,
            run=run,
            nats=environment.get(_NATS) or (run.nats_url if run else None),
            mongo=environment.get(_MONGO) or (run.mongo_url if run else None),
            database=environment.get(_DATABASE) or "handrail",
        )

    def missing(self, setting: str) -> NotRunningError:
        return NotRunningError(
            f"Handrail is not running here ({self.home.path}): start it with `handrail up`, "
            f"or set {setting}",
        )


@asynccontextmanager
async def reading(place: Place) -> AsyncIterator[Reader]:
    """The store, for reading.

    Raises:
        NotRunningError: it is nowhere, or does not answer.
    """
    async with storing(place) as db:
        yield Reader(db)


@asynccontextmanager
async def storing(place: Place) -> AsyncIterator[Database]:
    """The store.

    Raises:
        NotRunningError: it is nowhere, or does not answer.
    """
    if place.mongo is None:
        raise place.missing(_MONGO)
    client = connect(place.mongo)
    try:
        db = database(client, place.database)
        if not await answers(db):
            raise NotRunningError(f"MongoDB does not answer at {shown(place.mongo)} ({_MONGO})")
        yield db
    except UnavailableError as error:
        # It was there when the command began.
        raise NotRunningError(f"{error} ({_MONGO})") from error
    finally:
        client.close()


@asynccontextmanager
async def streaming(place: Place) -> AsyncIterator[JetStreamContext]:
    """The streams of the bus.

    Raises:
        NotRunningError: it is nowhere, or does not answer.
    """
    async with listening(place) as client:
        yield client.jetstream(timeout=_CONNECT_TIMEOUT)


@asynccontextmanager
async def listening(place: Place) -> AsyncIterator[Client]:
    """The bus, to hear what is said on it.

    Raises:
        NotRunningError: it is nowhere, or does not answer.
    """
    if place.nats is None:
        raise place.missing(_NATS)
    try:
        # Without these limits the client asks again for two minutes, also where nobody listens.
        client = await nats.connect(
            place.nats,
            name="handrail-command",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=_CONNECT_TIMEOUT,
            error_cb=_quiet,
        )
    except (nats.errors.Error, OSError, TimeoutError) as error:
        raise NotRunningError(f"NATS does not answer at {shown(place.nats)} ({_NATS})") from error
    try:
        yield client
    finally:
        await client.close()


def shown(url: str) -> str:
    """A URL's host and port, without the password that it may carry."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or "a URL without a host"


async def _quiet(_error: Exception) -> None:
    """What failed is told by the call that failed."""
