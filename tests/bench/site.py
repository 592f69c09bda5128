"""A Handrail of its own for a benchmark: servers, services, and nothing left behind."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.stack import local_stack
from tests.bench.floor import Floor
from tests.flows.world import World


@asynccontextmanager
async def site(*services: str, together: bool = True) -> AsyncIterator[tuple[World, Floor]]:
    """The services in one process, or each in one of its own, and a bare client beside them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with local_stack(home / "stack", {}, nats_port=0, mongo_port=0) as stack:
            world = World(home / "work", stack.nats_url, stack.mongo_url, "bench")
            try:
                if together and services:
                    await world.start(*services)
                else:
                    for name in services:
                        await world.start(name)
                async with Floor(stack.mongo_url, stack.nats_url) as floor:
                    yield world, floor
            finally:
                await world.close()
