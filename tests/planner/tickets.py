"""Triaged tickets and planners that the tests begin with."""

from datetime import timedelta
from uuid import UUID, uuid4

from services.planner.plan import Planner
from shared.config import LocalTarget, SshTarget
from shared.events import TicketTriaged
from shared.lifecycle import Severity, Verdict
from shared.runbook import Library
from tests.runbook.runbooks import alert, runbook

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
        approval_expires=timedelta(minutes=30),
    )
