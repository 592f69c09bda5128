"""The local stack: NATS and MongoDB, started where no running ones are named."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.servers import (
    MONGO_PORT,
    NATS_PORT,
    Program,
    free_port,
    mongo_program,
    mongo_url,
    nats_program,
    nats_url,
)
from deploy.supervisor import Child


@dataclass(frozen=True)
class Stack:
    """The servers that the services stand on; ``children`` are those that were started here."""

    nats_url: str
    mongo_url: str
    children: tuple[Child, ...]

    def environment(self) -> dict[str, str]:
        """The settings by which services find the servers."""
        return {"HANDRAIL_NATS_URL": self.nats_url, "HANDRAIL_MONGO_URL": self.mongo_url}


@asynccontextmanager
async def local_stack(
    home: Path,
    environment: Mapping[str, str],
    *,
    nats_port: int = NATS_PORT,
    mongo_port: int = MONGO_PORT,
) -> AsyncIterator[Stack]:
    """The servers, for as long as the context is open; stopped in reverse order at its end.

    A server that ``environment`` names by its URL is used as it is.

    Raises:
        SettingsError: a program is not installed.
        ChildFailedError: a server did not become ready; what was started before it is stopped.
    """
    async with AsyncExitStack() as exits:
        children: list[Child] = []

        async def started(program: Program) -> None:
            child = Child(program.name, program.command, output=program.log, ready=program.ready)
            exits.push_async_callback(child.stop)
            await child.start()
            children.append(child)

        mongo = environment.get("HANDRAIL_MONGO_URL")
        if not mongo:
            port = free_port(mongo_port)
            await started(mongo_program(home, port))
            mongo = mongo_url(port)
        bus = environment.get("HANDRAIL_NATS_URL")
        if not bus:
            port = free_port(nats_port)
            await started(nats_program(home, port))
            bus = nats_url(port)
        yield Stack(bus, mongo, tuple(children))
