"""Each flow has a bus and a database of its own, so that services of one never serve another."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.ports import free_port
from deploy.servers import nats_program, nats_url
from deploy.supervisor import Child
from tests.flows.world import World


@pytest.fixture
async def bus(tmp_path):
    port = free_port(0)
    program = nats_program(tmp_path / "bus", port)
    child = Child(program.name, program.command, output=program.log, ready=program.ready)
    await child.start()
    yield nats_url(port)
    await child.stop()


@pytest.fixture
async def world(stack, bus, tmp_path) -> AsyncIterator[World]:
    made = World(tmp_path / "work", bus, stack.mongo_url, f"flow_{uuid4().hex}")
    yield made
    await made.close()
