"""The local stack: NATS and MongoDB, started where no running ones are named."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.ports import free_port
from deploy.servers import (
    MONGO_PORT,
    NATS_PORT,
    Program,
    mongo_program,
    mongo_url,
    nats_program,
    nats_url,
)
from deploy.supervisor import Child, started_together


@dataclass(frozen=True)
class Stack:
    """The servers that the services stand on; ``children`` are those that are started here."""

    nats_url: str
    mongo_url: str
    children: tuple[Child, ...]

    def environment(self) -> dict[str, str]:
        """The settings by which services find the servers."""
        return {"HANDRAIL_NATS_URL": self.nats_url, "HANDRAIL_MONGO_URL": self.mongo_url}

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Running, for as long as the context is open; NATS is stopped first, then MongoDB.

        Raises:
            ChildFailedError: a server did not become ready; nothing that was started is left
                running.
        """
        async with AsyncExitStack() as exits:
            for child in self.children:
                exits.push_async_callback(child.stop)
            await started_together(self.children)
            yield


def planned(
    home: Path,
    environment: Mapping[str, str],
    *,
    nats_port: int = NATS_PORT,
    mongo_port: int = MONGO_PORT,
) -> Stack:
    """The servers with their addresses, not started yet.

    A server that ``environment`` names by its URL is used as it is. A port of 0 is any free one.

    Raises:
        SettingsError: a program is not installed, or ``home`` cannot be written.
    """
    mongo, bus = environment.get("HANDRAIL_MONGO_URL"), environment.get("HANDRAIL_NATS_URL")
    programs: list[Program] = []
    if not mongo:
        port = free_port(mongo_port)
        programs.append(mongo_program(home, port))
        mongo = mongo_url(port)
    if not bus:
        port = free_port(nats_port)
        programs.append(nats_program(home, port))
        bus = nats_url(port)
    return Stack(bus, mongo, tuple(map(_child, programs)))


@asynccontextmanager
async def local_stack(
    home: Path,
    environment: Mapping[str, str],
    *,
    nats_port: int = NATS_PORT,
    mongo_port: int = MONGO_PORT,
) -> AsyncIterator[Stack]:
    """The servers, running; see ``planned`` and ``Stack.started``."""
    stack = planned(home, environment, nats_port=nats_port, mongo_port=mongo_port)
    async with stack.started():
        yield stack


def _child(program: Program) -> Child:
    return Child(
        program.name,
        program.command,
        output=program.log,
        ready=program.ready,
        owns=program.data,
    )
