"""A place with machines, where the product plans, asks, runs and checks as it always does."""

import asyncio
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import httpx

from services.executor.progress import approved
from services.executor.session import Session
from services.planner.plan import Planner
from services.verifier.looks.command import CommandLook
from services.verifier.looks.http import HttpLook
from shared.config import SshTarget
from shared.connectors.protocol import Job
from shared.events import Alert, AlertStatus, HttpCheck, PlanReady, TicketTriaged
from shared.lifecycle import Effect, SessionState, Severity, StepState, Verdict
from shared.runbook import Library, load_runbooks
from tests.executor.fakes import MemorySessions, engine
from tests.executor.sessions import NOW
from tests.library.cluster import ClusterTarget
from tests.library.machines import Machine

SHIPPED = Path(__file__).parents[2] / "runbooks"
_LONG = timedelta(seconds=60)


@lru_cache
def library() -> Library:
    return load_runbooks(SHIPPED)


def firing(name: str, labels: dict[str, str], annotations: dict[str, str] | None = None) -> Alert:
    return Alert(
        source="alertmanager",
        name=name,
        status=AlertStatus.FIRING,
        fingerprint="c0ffee",
        title=name,
        labels={"alertname": name, **labels},
        annotations=annotations or {},
    )


def triaged(alert: Alert) -> TicketTriaged:
    return TicketTriaged(
        id=uuid4(),
        ticket_id=uuid4(),
        alert=alert,
        verdict=Verdict.TRUE,
        confidence=0.9,
        severity=Severity.P2,
        reasons=("it fires",),
    )


class Site:
    """The targets of one installation, by their names."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._machines: dict[str, Machine | ClusterTarget] = {}
        self._opened = {}

    def machine(self, name: str, *tools: str) -> Machine:
        """A machine with these stand-ins beside the programs that all have."""
        made = self._machines[name] = Machine(self._root / name, *tools)
        return made

    def cluster(self, server) -> ClusterTarget:
        """A cluster as the target ``kubernetes``."""
        made = self._machines["kubernetes"] = ClusterTarget(server)
        return made

    def kind(self, target: str) -> str:
        return "kubernetes" if isinstance(self._machines[target], ClusterTarget) else "ssh"

    def open(self, target: str, *, uses: str = "ssh"):
        """The connector of a target, as the executor and the verifier want it."""
        if target not in self._opened:
            self._opened[target] = self._machines[target].connector()
        return self._opened[target]

    async def close(self) -> None:
        for connector in self._opened.values():
            await connector.close()

    def files(self) -> dict[str, str]:
        """What there is on all machines."""
        return {
            f"{name}/{file}": text
            for name, machine in self._machines.items()
            for file, text in machine.files().items()
        }

    def plan(self, alert: Alert) -> PlanReady:
        """What the planner makes of an alert, from the runbooks as they are shipped."""
        declared = SshTarget.model_validate(
            {
                "connector": "ssh",
                "host": "192.0.2.1",
                "user": "handrail",
                "host_key": "ssh-ed25519 AAAA",
                "password": {"env": "HOST_PASSWORD"},
            }
        )
        targets = {
            name: machine.declared() if isinstance(machine, ClusterTarget) else declared
            for name, machine in self._machines.items()
        }
        planner = Planner(library(), targets, {})
        made = planner.conclude(triaged(alert))
        assert isinstance(made, PlanReady), made
        return made

    async def is_well(self, plan: PlanReady) -> bool:
        """Whether all checks of the plan hold just now."""
        async with httpx.AsyncClient(timeout=20) as client:
            command, page = CommandLook(self), HttpLook(client)
            looks = [
                (page if isinstance(check, HttpCheck) else command).look(check)
                for check in plan.verify
            ]
            return all(seen.true for seen in await asyncio.gather(*looks))

    async def repaired(self, alert: Alert) -> Session:
        """Plan and run, say yes to whatever is asked, and see the checks turn true by it."""
        plan = self.plan(alert)
        assert not await self.is_well(plan), "nothing is broken, or the check does not see it"
        session = await self.run(plan)
        assert session.state is SessionState.SUCCEEDED, session.tried()
        assert await self.is_well(plan), session.tried()
        return session

    async def left_alone(self, alert: Alert) -> Session:
        """Plan and run; nothing at all is changed, and the checks still say so."""
        before = self.files()
        plan = self.plan(alert)
        session = await self.run(plan)
        assert self.files() == before
        assert not await self.is_well(plan)
        return session

    async def run(
        self, plan: PlanReady, *, before_yes: Callable[[], None] | None = None
    ) -> Session:
        """Run a plan to its end. Until somebody is asked, nothing may change.

        ``before_yes`` is what happens while the first question waits for its answer.
        """
        sessions = MemorySessions(_session(plan))
        driver = engine(sessions, self)
        untouched = self.files()
        await driver.begin(plan.session_id, plan.ticket_id)
        while True:
            session = await self._settled(sessions, plan)
            if session.state is not SessionState.WAITING:
                break
            if not _acted(session):
                assert self.files() == untouched, "a look has changed something"
            if before_yes is not None:
                before_yes, happens = None, before_yes
                happens()
            for step in session.steps:
                _speaks_posix(step)
                if session.run(step.id).state is StepState.AWAITING_APPROVAL:
                    await driver.change(plan.session_id, _yes_to(step.id))
        await driver.close()
        return session

    async def taken_back(self, session: Session, step_id: str) -> None:
        """Run the rollback of a step."""
        step = session.step(step_id)
        job = Job(f"{session.id}-back", step.rollback, _LONG, step.effect)
        ended = await self.open(step.target).run(job)
        assert ended.exit_code == 0, ended

    async def _settled(self, sessions: MemorySessions, plan: PlanReady) -> Session:
        async with asyncio.timeout(_LONG.total_seconds()):
            while True:
                session = sessions.stored[plan.session_id]
                if session.state not in (SessionState.PLANNED, SessionState.RUNNING):
                    return session
                await asyncio.sleep(0.005)


def _session(plan: PlanReady) -> Session:
    """As the planner stores it and the executor reads it."""
    return Session.model_validate(
        {
            **plan.model_dump(mode="json", exclude={"id"}),
            "id": plan.session_id,
            "ticket_title": plan.alert.title,
            "state": SessionState.PLANNED,
            "rev": 0,
        }
    )


def _acted(session: Session) -> bool:
    return any(
        session.run(step.id).attempt and step.effect is not Effect.READ_ONLY
        for step in session.steps
    )


def _yes_to(step_id: str):
    return lambda session: approved(session, step_id, "me", NOW, people=2)


def _speaks_posix(step) -> None:
    """What a person is asked about is something that a shell can read."""
    if step.late is None and step.uses in ("ssh", "local"):
        for text in (step.run, step.check, step.rollback):
            subprocess.run(["sh", "-n", "-c", text or ""], check=True)
