"""Sessions for the tests of the executor."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.executor.session import Run, Session
from shared.events import ApprovalRule, HttpCheck, OnFailure, Retry, RunbookRef, Step
from shared.lifecycle import Effect, Risk, SessionState, Severity, StepState

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SESSION_ID = UUID("11111111-1111-4111-8111-111111111111")
TICKET_ID = UUID("22222222-2222-4222-8222-222222222222")


def step(id_="one", *needs, asks=0, risk=None, **fields) -> Step:
    given = {
        "title": f"Step {id_}",
        "uses": "local",
        "target": "here",
        "run": f"echo {id_}",
        "risk": risk or (Risk.HIGH if asks else Risk.MEDIUM),
        "effect": Effect.ONCE,
        "timeout": timedelta(seconds=60),
        "approval": ApprovalRule(required=asks, reason="the test says so"),
        "why": f"{id_} is what the runbook says",
    }
    return Step(id=id_, needs=needs, **{**given, **fields})


def session(*steps: Step, state=SessionState.PLANNED, runs=None, **fields) -> Session:
    return Session(
        id=SESSION_ID,
        ticket_id=TICKET_ID,
        ticket_title="The shop does not answer",
        severity=Severity.P1,
        state=state,
        rev=0,
        runbook=RunbookRef(name="restart", title="Restart it", version="abc"),
        reasons=("the alert's name is ShopDown",),
        steps=steps or (step(),),
        verify=(HttpCheck(url="http://127.0.0.1/"),),
        runs=runs or {},
        **fields,
    )


def running(owner="me", attempt=1, fence=1, **fields) -> Run:
    return Run(
        state=StepState.RUNNING, owner=owner, attempt=attempt, fence=fence, started_at=NOW, **fields
    )


def states(of: Session) -> dict[str, str]:
    return {each.id: of.run(each.id).state.value for each in of.steps}


CONTINUE = OnFailure.CONTINUE
TWICE = Retry(attempts=2, backoff=timedelta(seconds=5))
