"""Triaged tickets and planners that the tests begin with."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from pydantic import SecretStr

from services.planner.desk import Desk
from services.planner.judging import Judge
from services.planner.plan import Planner
from services.planner.policy import Bench
from shared.config import LocalTarget, SshTarget
from shared.events import TicketTriaged
from shared.lifecycle import Severity, Verdict
from shared.policy.policy import Policy
from shared.policy.records.record import LastHour, Record
from shared.runbook import Library
from shared.signing import Signer
from tests.runbook.runbooks import alert, runbook

SIGNER = Signer(SecretStr("k" * 32))
TARGETS = {
    "web-1": SshTarget.model_validate(
        {
            "connector": "ssh",
            "host": "web-1",
            "user": "deploy",
            "host_key": "ssh-ed25519 AAAA",
            "password": {"env": "WEB_PASSWORD"},
        }
    ),
    "here": LocalTarget(connector="local"),
}


def triaged(ticket_id: UUID | None = None, **fields) -> TicketTriaged:
    return TicketTriaged(
        id=uuid4(),
        ticket_id=ticket_id or uuid4(),
        alert=alert(**fields),
        verdict=Verdict.TRUE,
        confidence=0.9,
        severity=Severity.P1,
        reasons=("it is down",),
    )


def planner(*runbooks, targets=TARGETS, prometheus=None) -> Planner:
    return Planner(
        library=Library(runbooks or (runbook(),)),
        targets=targets,
        prometheus={"default": None} if prometheus is None else prometheus,
    )


def bench(*runbooks, targets=TARGETS) -> Bench:
    return Bench(Library(runbooks or (runbook(),)), targets, timedelta(minutes=30))


class Standing:
    """How things stand, in memory: what a judge asks for is what it was given."""

    def __init__(self, policy=None, *, stopped=None, record=None, hour=None, count=1):
        self.policy = policy or Policy()
        self.stopped, self.record, self.hour, self.told = stopped, record, hour, count

    async def state(self):
        return self.stopped

    async def of(self, runbook):
        return self.record or Record(runbook.name, runbook.version)

    async def known(self, runbook=None):
        return [self.record] if self.record else []

    async def since(self, at):
        return self.hour or LastHour()

    async def count(self, ticket_id):
        return self.told


def judge(standing: Standing | None = None, **given) -> Judge:
    stands = standing or Standing()
    return Judge(bench(**given), stands, stands, stands, stands)


@dataclass(frozen=True)
class Shelved:
    """Books that nobody changes."""

    library: Library


def desk(standing: Standing | None = None, *runbooks, targets=TARGETS) -> Desk:
    made = planner(*runbooks, targets=targets)
    return Desk(made, judge(standing, targets=targets), Shelved(made.library), SIGNER)
