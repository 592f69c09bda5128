"""The ``handrail`` command as a person runs it: a process of its own, on a home of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.ports import RANGE, free_port
from deploy.runfile import Run, found
from deploy.services import PARTS
from tests.deploy.conditions import alive, until


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Terminal:
    """Where commands are typed: a working folder, and nothing of Handrail's in the environment."""

    folder: Path
    settings: dict[str, str]

    @property
    def home(self) -> Path:
        return self.folder / ".handrail"

    def having(self, **settings: str) -> "Terminal":
        return Terminal(self.folder, {**self.settings, **settings})

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name == RANGE or not name.startswith(("HANDRAIL_", "OTEL"))
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", *arguments),
            cwd=self.folder,
            env={**inherited, "HANDRAIL_HOME": str(self.home), **self.settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str) -> Said:
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def up(self, *arguments: str) -> AsyncIterator["Up"]:
        """``handrail up``, once it says that it is ready; stopped at the end if need be."""
        process = await self.start("up", *arguments)
        try:
            said = await _until_ready(process)
            run = found(self.home)
            assert run is not None, said
            yield Up(process, said, run)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await process.communicate()


@dataclass(frozen=True)
class Up:
    """A running ``handrail up``, and what it said."""

    process: asyncio.subprocess.Process
    said: str
    run: Run

    def pids(self) -> set[int]:
        services = {service.pid for service in self.run.services.values()}
        return {pid for pid in {*services, *self.run.servers.values()} if pid}

    async def stop(self, number: signal.Signals) -> Said:
        self.process.send_signal(number)
        out, err = await self.process.communicate()
        await until(lambda: not any(map(alive, self.pids())))
        assert self.process.returncode is not None
        return Said(self.process.returncode, out.decode(), err.decode())


async def _until_ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(90):
        while "Handrail is ready" not in said:
            line = await process.stdout.readline()
            if not line:
                raise AssertionError(said + (await process.stderr.read()).decode())
            said += line.decode()
    return said


def own_ports() -> dict[str, str]:
    """Ports for the services that no other test run takes in the same moment."""
    chosen: set[int] = set()
    for _ in PARTS:
        chosen.add(free_port(0, beside=chosen))
    ports = map(str, chosen)
    return {part.port_setting: port for part, port in zip(PARTS.values(), ports, strict=True)}
