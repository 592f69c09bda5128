"""Executors as processes of their own that can be killed at any moment, and plans for them."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import SecretStr

from deploy.ports import free_port
from deploy.servers import nats_program, nats_url
from deploy.supervisor import Child
from services.executor.session import Session
from shared.bus import Bus
from shared.events import (
    Alert,
    AlertStatus,
    ApprovalRule,
    Directive,
    PlanReady,
    RunbookRef,
    SessionDirected,
    Step,
)
from shared.lifecycle import Effect, Risk, SessionState, Severity
from shared.signing import Signer
from tests.bus.samples import make_bus
from tests.flows.world import REPO, SECRET, World, eventually

LEASE = timedelta(seconds=2)
ENDED = ("succeeded", "failed", "cancelled")
ALERT = Alert(
    source="chaos",
    name="Chaos",
    status=AlertStatus.FIRING,
    fingerprint="chaos",
    title="Chaos",
    labels={},
)


def step(id_: str, run: str, *needs: str, **fields) -> Step:
    given = {
        "title": id_,
        "uses": "local",
        "target": "here",
        "risk": Risk.LOW,
        "effect": Effect.ONCE,
        "timeout": timedelta(seconds=120),
        "approval": ApprovalRule(required=0, reason="chaos asks nobody"),
        "why": "the test wants it",
    }
    return Step(id=id_, run=run, needs=needs, **{**given, **fields})


@dataclass
class Fleet:
    """Executors of one installation; those that are up are in ``running``."""

    world: World
    bus: Bus
    running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    _numbers: count = field(default_factory=lambda: count(1))

    @property
    def db(self):
        return self.world.db

    @property
    def work(self) -> Path:
        return self.world.work

    async def start(self, home: str = "home") -> int:
        """One more executor, once it is ready; its number. Another ``home`` is another machine."""
        number, port = next(self._numbers), free_port(0)
        with (self.work / f"executor-{number}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deploy.cli", "serve", "executor"),
                cwd=REPO,
                env={
                    **self.world.environment,
                    "HANDRAIL_EXECUTOR_PORT": str(port),
                    "HANDRAIL_HOME": str(self.work / home),
                },
                stdout=log,
                stderr=log,
            )
        self.running[number] = process
        self.world.ports["executor"] = port
        await eventually(lambda: process.returncode is not None or self._ready(port), 120)
        died = number in self.running and process.returncode is not None
        assert not died, (self.work / f"executor-{number}.log").read_text()[-2000:]
        return number

    async def kill(self, number: int) -> None:
        process = self.running.pop(number)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def signal(self, number: int) -> None:
        """Send a signal to all executors."""
        for process in self.running.values():
            process.send_signal(number)

    async def replace_all(self) -> None:
        """Kill all executors at once; then another one starts."""
        await asyncio.gather(*(self.kill(number) for number in list(self.running)))
        await self.start()

    async def close(self) -> None:
        await asyncio.gather(*(self.kill(number) for number in list(self.running)))

    async def _ready(self, port: int) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        return False

    # -- plans ------------------------------------------------------------------------------------

    async def plan(self, *steps: Step, **fields) -> UUID:
        """Have a plan run, stored and told as the planner does; the id of its session."""
        session = Session(
            id=uuid4(),
            ticket_id=uuid4(),
            ticket_title="Chaos",
            severity=Severity.P3,
            state=SessionState.PLANNED,
            rev=0,
            runbook=RunbookRef(name="chaos", title="Chaos", version="1"),
            steps=steps,
            alert=ALERT,
            **fields,
        )
        document = session.model_dump(mode="json", exclude={"id", "ticket_id"})
        now = datetime.now(UTC)
        ids = {"_id": session.id, "ticket_id": session.ticket_id, "created_at": now}
        self.db.tickets.insert_one({"_id": session.ticket_id, "state": "planned"})
        self.db.sessions.insert_one({**document, **ids})
        await self.bus.publish(
            PlanReady.about(
                session.id,
                ticket_id=session.ticket_id,
                session_id=session.id,
                alert=ALERT,
                severity=session.severity,
                runbook=session.runbook,
                reasons=(),
                params={},
                steps=steps,
                verify=(),
                timeout=session.timeout,
            )
        )
        return session.id

    async def direct(self, session_id: UUID, directive: Directive, **fields) -> None:
        """Say what is to become of a session, as a person who may."""
        said = SessionDirected(
            id=uuid4(),
            ticket_id=self.session(session_id)["ticket_id"],
            session_id=session_id,
            directive=directive,
            by="ann@example.com",
            at=datetime.now(UTC),
            **fields,
        )
        await self.bus.publish(Signer(SecretStr(SECRET)).signed_directive(said))

    def session(self, session_id: UUID) -> dict:
        return self.db.sessions.find_one({"_id": session_id})

    def states(self, session_id: UUID) -> dict[str, str]:
        return {id_: run["state"] for id_, run in self.session(session_id)["runs"].items()}

    async def until(self, session_id: UUID, **states: str) -> None:
        """Wait until steps are in these states."""
        try:
            await eventually(lambda: states.items() <= self.states(session_id).items(), seconds=120)
        except TimeoutError:
            raise AssertionError(f"not {states}: {self.session(session_id)}") from None

    async def ended(self, session_id: UUID) -> str:
        """Wait until a session has ended; how it did."""
        try:
            await eventually(lambda: self.session(session_id)["state"] in ENDED, seconds=120)
        except TimeoutError:
            raise AssertionError(f"not ended: {self.session(session_id)}") from None
        return self.session(session_id)["state"]

    # -- targets ----------------------------------------------------------------------------------

    def counting(self, name: str) -> str:
        """A command that counts itself on its target."""
        return f"echo {name} >> {self.work}/counted"

    def staying(self, name: str) -> str:
        """A command that counts itself and goes on until it is ended; its pid is in a file."""
        return f"{self.counting(name)}; echo $$ > {self.work}/{name}.pid; exec sleep 600"

    def counted(self) -> list[str]:
        counter = self.work / "counted"
        return counter.read_text().split() if counter.exists() else []

    async def stays(self, name: str) -> None:
        """Wait until such a command runs."""
        await eventually(lambda: self.pid(name), seconds=120)

    def pid(self, name: str) -> int | None:
        file = self.work / f"{name}.pid"
        return int(file.read_text()) if file.exists() and file.read_text().strip() else None

    def is_gone(self, name: str) -> bool:
        """Whether such a command does not run any more."""
        try:
            os.kill(self.pid(name) or 0, 0)
            status = Path(f"/proc/{self.pid(name)}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        return status == "Z"


@asynccontextmanager
async def installation(
    folder: Path, mongo_url: str, name: str, targets: dict[str, dict[str, object]]
) -> AsyncIterator[Fleet]:
    """An installation of its own, with its own bus; no executor is up yet."""
    async with AsyncExitStack() as exits:
        port = free_port(0)
        program = nats_program(folder / "bus", port)
        server = Child(program.name, program.command, output=program.log, ready=program.ready)
        await server.start()
        exits.push_async_callback(server.stop)
        world = World(folder / "work", nats_url(port), mongo_url, f"{name}_{uuid4().hex}")
        exits.push_async_callback(world.close)
        world.write_config(**targets)
        bus = fleet_bus(world.nats_url)
        exits.push_async_callback(bus.stop)
        await bus.connect()
        fleet = Fleet(world, bus)
        exits.push_async_callback(fleet.close)
        yield fleet


def fleet_bus(url: str) -> Bus:
    return make_bus("planner", url)
