"""A service that runs for the length of a test, and what is on the bus meanwhile."""

import asyncio
import inspect
from contextlib import asynccontextmanager, suppress

import httpx
import nats
from nats.js.errors import NotFoundError

from shared.bus.streams import FAMILIES, stream_of


@asynccontextmanager
async def running(service):
    """The service, started; gives a client of its HTTP side. Its errors are the test's."""
    task = asyncio.create_task(service.run())
    started = asyncio.create_task(service.started.wait())
    await asyncio.wait((task, started), timeout=30, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    try:
        assert service.started.is_set(), task
        url = f"http://127.0.0.1:{service.port}"
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition, *, within=60):
    """What the condition returns as soon as that is true; fails when it is not in time (seconds).

    A condition that is no coroutine function is asked as it is.
    """
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return result
            await asyncio.sleep(0.02)


class Streams:
    """Reads what the streams have stored, from the start or from ``skip_to_now`` on."""

    def __init__(self, client):
        self.js = client.jetstream()
        self.seen = {}

    async def skip_to_now(self):
        for stream in set(FAMILIES.values()):
            with suppress(NotFoundError):
                self.seen[stream] = (await self.js.stream_info(stream)).state.last_seq

    async def of_ticket(self, ticket_id, subject):
        """All events on a subject about a ticket, the oldest first."""
        return [
            message
            async for message in self.all(subject)
            if message.headers["ce-subject"] == str(ticket_id)
        ]

    async def tickets(self, subject):
        """The tickets that there are events on a subject about."""
        return {message.headers["ce-subject"] async for message in self.all(subject)}

    async def all(self, subject):
        """All events on a subject, the oldest first."""
        seq = self.seen.get(stream_of(subject), 0) + 1
        while True:
            try:
                message = await self.js.get_msg(
                    stream_of(subject), seq=seq, subject=subject, next=True
                )
            except NotFoundError:
                return
            yield message
            seq = message.seq + 1


@asynccontextmanager
async def streams(nats_url):
    """The streams of a server."""
    client = await nats.connect(nats_url)
    try:
        yield Streams(client)
    finally:
        await client.close()
