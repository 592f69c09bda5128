"""A bus on a real server, with a clean slate for each test."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from structlog.testing import capture_logs

from shared.bus import Bus, Router
from shared.bus.streams import FAMILIES
from tests.bus.samples import Seen, make_bus


@pytest.fixture
async def client(stack) -> AsyncIterator[Client]:
    """A plain connection of nats-py, as somebody else's program has."""
    connection = await nats.connect(stack.nats_url)
    yield connection
    await connection.close()


@pytest.fixture
async def js(client) -> AsyncIterator[JetStreamContext]:
    """JetStream without any of our streams; they are gone again after the test."""
    context = client.jetstream()
    await _clear(context)
    yield context
    await _clear(context)


async def _clear(js: JetStreamContext) -> None:
    for name in (*FAMILIES.values(), "FACTS"):
        try:
            await js.delete_stream(name)
        except NotFoundError:
            continue


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """What was logged in the test."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
async def running(stack, js) -> AsyncIterator[Callable[..., Any]]:
    """A function that starts a bus; all are stopped after the test."""
    async with AsyncExitStack() as exits:

        async def start(service: str, router: Router | None = None, **options: Any) -> Bus:
            bus = make_bus(service, stack.nats_url, **options)
            bus.attach(router or Router(), {})
            exits.push_async_callback(bus.stop)
            await bus.start()
            return bus

        yield start


@pytest.fixture
def seen() -> Seen:
    return Seen()
