"""A Handrail of its own for a benchmark: servers, services, and nothing left behind."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.services import OTHER_HALF, PARTS
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


async def start_all(world: World) -> None:
    """Every service, in two processes as ``handrail up`` has them on two cores."""
    others = [part.name for part in OTHER_HALF]
    await world.start(*(name for name in PARTS if name not in others))
    await world.start(*others)
