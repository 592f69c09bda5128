"""One example of every event, with every field that may be left out filled in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.events import (
    Alert,
    AlertStatus,
    Answer,
    ApprovalRule,
    Change,
    CheckResult,
    Choosing,
    CommandCheck,
    Decision,
    Event,
    FeedbackGiven,
    HttpCheck,
    NotificationFailed,
    NotificationSent,
    Option,
    OptionStep,
    PlanChoiceNeeded,
    PlanChosen,
    PlanReady,
    PrometheusCheck,
    Refusal,
    Resolution,
    Retry,
    RunbookRef,
    SessionFinished,
    SessionOutcome,
    SessionStarted,
    Step,
    StepApproved,
    StepAwaitingApproval,
    StepDone,
    StepOutcome,
    StepRejected,
    StepStarted,
    TicketClosed,
    TicketCreated,
    TicketEscalated,
    TicketReopened,
    TicketResolved,
    TicketTriaged,
    TicketUpdated,
)
from shared.lifecycle import Effect, Risk, Severity, Verdict

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ORIGIN = UUID("7d8ab1f0-5f0e-4c2e-9d2e-0d6b2f6b8a11")
SESSION = UUID("b0b6d4d8-8a3a-4f7e-8d0f-3c5f1b1f7c22")
APPROVAL = UUID("c1c7e5e9-9b4b-4a8f-9e1a-4d6a2c2a8d33")

ALERT = Alert(
    source="alertmanager",
    name="TargetDown",
    status=AlertStatus.FIRING,
    fingerprint="ab12",
    title="web-1 is down",
    description="for five minutes",
    severity=Severity.P2,
    labels={"job": "web", "instance": "web-1:80"},
    annotations={"summary": "down — ¡ay!"},
    links={"graph": "http://prometheus.example/graph"},
    starts_at=NOW,
    ends_at=NOW,
)
STEP = Step(
    id="restart",
    title="Restart web",
    needs=("look",),
    when="steps.look.exit_code != 0",
    uses="ssh",
    target="web-1",
    run="systemctl restart web",
    check="systemctl is-active web",
    rollback="systemctl stop web",
    risk=Risk.HIGH,
    effect=Effect.IDEMPOTENT,
    timeout=timedelta(seconds=60),
    retry=Retry(attempts=2, backoff=timedelta(seconds=2)),
    approval=ApprovalRule(
        required=1, reason="high risk", who=("ann@example.com", "on-call"), rule="nights"
    ),
    why="it is gone",
)
RESTART = RunbookRef(name="restart-service", title="Restart", version="9f")
CHECKS = (
    HttpCheck(url="http://web-1/healthz", contains="ok", hold=timedelta(seconds=30)),
    CommandCheck(uses="ssh", target="web-1", run="systemctl is-active web"),
    PrometheusCheck(query="up == 1", server="default", within=timedelta(minutes=1)),
)
RESULT = CheckResult(check="http", passed=True, detail="200", tries=2, at=NOW)
DECISION = Decision(
    answer=Answer.APPROVE, by="ann@example.com", at=NOW, channel="email", reason="go", signature="f"
)


def _made(kind: type[Event], **data) -> Event:
    return kind.about(ORIGIN, ticket_id=ORIGIN, time=NOW, **data)


_STEP = {"session_id": SESSION, "step_id": "restart"}
_ANSWERED = {**_STEP, "approval_id": APPROVAL, "step_hash": "9f", "decisions": (DECISION,)}
_JUDGED = {
    "confidence": 0.75,
    "severity": Severity.P2,
    "reasons": ("it is down",),
}

EXAMPLES: tuple[Event, ...] = (
    _made(TicketCreated, alert=ALERT),
    _made(TicketUpdated, change=Change.REPEATED, count=3, alert=ALERT),
    _made(TicketTriaged, alert=ALERT, verdict=Verdict.TRUE, **_JUDGED),
    _made(TicketClosed, verdict=Verdict.FALSE, **_JUDGED),
    _made(
        PlanChoiceNeeded,
        choice_id=APPROVAL,
        alert=ALERT,
        severity=Severity.P2,
        because="2 fit about as well: restart-service, move-service",
        options=(
            Option(
                runbook=RESTART,
                why=("down in title: 1.20",),
                risk=Risk.HIGH,
                steps=(OptionStep.of(STEP),),
            ),
            Option(
                runbook=RunbookRef(name="move-service", title="Move", version="3c"),
                why=("down in text: 1.10",),
                hinders=("parameter host: the alert has no label host",),
            ),
        ),
        expires_at=NOW,
    ),
    _made(
        PlanChosen,
        choice_id=APPROVAL,
        digest="9f",
        decisions=(
            Choosing(
                runbook="restart-service",
                by="ann@example.com",
                at=NOW,
                channel="email",
                reason="go",
                signature="f",
            ),
        ),
        refusal=Refusal.EXPIRED,
        signature="f",
    ),
    _made(
        PlanReady,
        session_id=SESSION,
        alert=ALERT,
        severity=Severity.P2,
        runbook=RESTART,
        reasons=("it matches",),
        params={"service": "web"},
        steps=(STEP,),
        verify=CHECKS,
    ),
    _made(SessionStarted, session_id=SESSION, runbook="restart-service"),
    _made(
        StepAwaitingApproval,
        **_STEP,
        approval_id=APPROVAL,
        step_hash="9f",
        ticket_title="web-1 is down",
        severity=Severity.P2,
        runbook="restart-service",
        title="Restart web",
        connector="ssh",
        target="web-1",
        command="systemctl restart web",
        risk=Risk.HIGH,
        why="it is gone",
        evidence=("exit code 3",),
        rollback="systemctl stop web",
        required=1,
        who=("ann@example.com", "on-call"),
        expires_at=NOW,
    ),
    _made(
        NotificationSent,
        channel="email",
        recipient="ann@example.com",
        purpose="approval",
        approval_id=APPROVAL,
    ),
    _made(
        NotificationFailed,
        channel="email",
        recipient="ann@example.com",
        purpose="approval",
        error="550",
        approval_id=APPROVAL,
    ),
    _made(StepApproved, **_ANSWERED),
    _made(StepRejected, **_ANSWERED, refusal=Refusal.REJECTED, signature="f"),
    _made(
        StepStarted,
        **_STEP,
        attempt=1,
        owner="executor-1",
        connector="ssh",
        target="web-1",
        command="systemctl restart web",
    ),
    _made(
        StepDone,
        **_STEP,
        attempt=1,
        outcome=StepOutcome.SUCCEEDED,
        exit_code=0,
        output="done\n",
        reason="",
        reattached=True,
        started_at=NOW,
    ),
    _made(
        SessionFinished,
        session_id=SESSION,
        ticket_title="web-1 is down",
        outcome=SessionOutcome.SUCCEEDED,
        reason="all steps ran",
        tried=("restart",),
        verify=CHECKS,
    ),
    _made(
        TicketResolved,
        title="web-1 is down",
        resolution=Resolution.VERIFIED,
        summary="it answers",
        session_id=SESSION,
        checks=(RESULT,),
    ),
    _made(
        TicketEscalated,
        title="web-1 is down",
        reason="no runbook",
        tried=("restart",),
        suggested=("restart on web-1 (ssh): systemctl restart web",),
        session_id=SESSION,
        checks=(RESULT,),
    ),
    _made(TicketReopened, reason="it is back", alert=ALERT, count=3),
    _made(FeedbackGiven, by="ann@example.com", fixed=True, stars=5, comment="thanks"),
)
