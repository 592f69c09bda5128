"""Targets of every kind, each in an empty home of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared.connectors.claim import Limits
from shared.connectors.local import LocalConnector
from shared.connectors.protocol import Chunk, Connector, Job
from shared.connectors.ssh import SshConnector
from shared.connectors.sshlink import Link
from shared.connectors.sshlogin import login_of
from tests.sshd import Endpoint, openssh, own_server


@dataclass
class Target:
    """One target: makes connectors to it, each as another executor would have its own."""

    kind: str
    base: Path
    scratch: Path
    endpoint: Endpoint | None = None
    made: list[Connector] = field(default_factory=list)

    def connector(self, limits: Limits | None = None) -> Connector:
        if self.endpoint is None:
            connector: Connector = LocalConnector(self.base, limits=limits)
        else:
            login = login_of("web", self.endpoint.target())
            connector = SshConnector(Link(login), base=str(self.base), limits=limits)
        self.made.append(connector)
        return connector

    def claim(self, key: str) -> Path:
        return self.base / key


class Heard:
    """Remembers the chunks of a run."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    async def __call__(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)

    def text(self, stream: str) -> str:
        return "".join(chunk.text for chunk in self.chunks if chunk.stream == stream)


def job(command: str, *, key: str | None = None, seconds: float = 30) -> Job:
    return Job(key or f"step-{uuid4().hex}", command, timedelta(seconds=seconds))


SOON = 60

SERVERS: dict[str, Callable[[Path], object]] = {"openssh": openssh, "own server": own_server}


@pytest.fixture(scope="session", params=["local", *SERVERS])
async def place(request, tmp_path_factory) -> AsyncIterator[tuple[str, Endpoint | None]]:
    """A kind of target, and where its server is."""
    if request.param == "local":
        yield request.param, None
        return
    async with SERVERS[request.param](tmp_path_factory.mktemp("ssh")) as endpoint:
        yield request.param, endpoint


@pytest.fixture
async def target(place, tmp_path) -> AsyncIterator[Target]:
    """A target of each kind, with an empty place for claims."""
    kind, endpoint = place
    async with _target(kind, tmp_path, endpoint) as found:
        yield found


@pytest.fixture(scope="session", params=list(SERVERS))
async def server(request, tmp_path_factory) -> AsyncIterator[Endpoint]:
    """Each kind of SSH server."""
    async with SERVERS[request.param](tmp_path_factory.mktemp("ssh")) as endpoint:
        yield endpoint


@pytest.fixture
async def host(server, tmp_path) -> AsyncIterator[Target]:
    """A target behind each kind of SSH server."""
    async with _target("ssh", tmp_path, server) as found:
        yield found


@asynccontextmanager
async def _target(kind: str, folder: Path, endpoint: Endpoint | None) -> AsyncIterator[Target]:
    found = Target(kind, folder / "state" / "steps", folder, endpoint)
    yield found
    for connector in found.made:
        await connector.close()


def living(marker: str) -> list[str]:
    """The processes whose command line has the marker; zombies have none."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                line = (process / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if marker.encode() in line:
                found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[1])


def kill_wrapper(target: "Target", key: str) -> None:
    """Kill what keeps a command, and on this machine also what would take its place."""
    wrapper = int((target.claim(key) / "started").read_text().split()[0])
    for process in (*([parent(wrapper)] if target.kind == "local" else ()), wrapper):
        os.kill(process, signal.SIGKILL)


def in_session(leader: int) -> list[int]:
    """The processes of a session, less zombies."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                fields = (process / "stat").read_text().rpartition(") ")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(process.name))
    return found


async def until(condition) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.02)


def group_of(target, key) -> int:
    return int((target.claim(key) / "group").read_text().split()[0])


async def begun(target, command, **limits):
    """A job that runs, the task that waits for it, and its output so far."""
    sent, heard = job(f"echo begun; {command}", **limits), Heard()
    running = asyncio.create_task(target.connector().run(sent, on_output=heard))
    await until(lambda: heard.text("stdout") == "begun\n")
    return sent, running
