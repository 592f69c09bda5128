"""What services have stored, for tests of the commands that show it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.console.chain import GENESIS, Entry, chained
from services.console.store import _document
from services.executor.session import Run, Session
from services.notifier.approval import Approval
from services.notifier.recipients import Recipient
from shared.events import Alert, AlertStatus, ApprovalRule, RunbookRef, Step
from shared.lifecycle import Effect, Risk, SessionState, Severity, StepState
from shared.store import Database, Document

NOW = datetime.now(UTC).replace(microsecond=0)
TICKET = UUID("aaaa0000-0000-4000-8000-000000000001")
OTHER = UUID("aaaa1111-0000-4000-8000-000000000002")
SESSION = UUID("bbbb0000-0000-4000-8000-000000000001")
APPROVAL = UUID("cccc0000-0000-4000-8000-000000000001")
STEP_HASH = "ab" * 32


def ticket(id_: UUID, **changes) -> Document:
    alert = Alert(
        source="alertmanager",
        name="TargetDown",
        status=AlertStatus.FIRING,
        fingerprint=id_.hex,
        title="shop-api is down",
        labels={"job": "shop-api"},
    )
    said = {
        "_id": id_,
        "schema": 1,
        "state": "in_progress",
        "title": "shop-api is down",
        "severity": "P1",
        "source": "alertmanager",
        "fingerprint": id_.hex,
        "count": 2,
        "created_at": NOW - timedelta(hours=3, minutes=5),
        "updated_at": NOW,
        "last_seen_at": NOW,
        "source_resolved_at": None,
        "verdict": {"verdict": "true", "confidence": 0.9, "reasons": ["P1, as its source says"]},
        "alert": alert.model_dump(mode="json"),
    }
    return {**said, **changes}


def step(id_: str, run: str) -> Step:
    return Step(
        id=id_,
        title=id_,
        uses="ssh",
        target="web-1",
        run=run,
        risk=Risk.HIGH,
        effect=Effect.IDEMPOTENT,
        timeout=timedelta(seconds=60),
        approval=ApprovalRule(required=1, reason="high risk"),
        why="it does not answer",
    )


def session() -> Document:
    made = Session(
        id=SESSION,
        ticket_id=TICKET,
        ticket_title="shop-api is down",
        severity=Severity.P1,
        state=SessionState.WAITING,
        rev=3,
        runbook=RunbookRef(name="restart", title="Restart a service", version="1"),
        steps=(step("look", "systemctl is-active shop-api"), step("restart", "systemctl restart")),
        runs={"look": Run(state=StepState.SUCCEEDED, attempt=1, exit_code=3, ended_at=NOW)},
    )
    fields = made.model_dump(mode="json", exclude={"id", "ticket_id"})
    return {"_id": SESSION, "ticket_id": TICKET, "created_at": NOW, **fields}


def approval(**changes) -> Document:
    made = Approval(
        id=APPROVAL,
        ticket_id=TICKET,
        session_id=SESSION,
        step_id="restart",
        step_hash=STEP_HASH,
        ticket_title="shop-api is down",
        severity=Severity.P1,
        runbook="restart",
        title="Restart shop-api",
        connector="ssh",
        target="web-1",
        command="systemctl restart shop-api",
        risk=Risk.HIGH,
        why="it does not answer",
        required=1,
        recipients=(Recipient.at_terminal(),),
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    fields = made.model_copy(update=changes).model_dump(exclude={"id", "recipients"})
    return {
        "_id": made.id,
        **fields,
        "state": made.state.value,
        "severity": "P1",
        "risk": "high",
        "recipients": [to.model_dump(mode="json") for to in made.recipients],
        "decisions": [],
    }


def timeline() -> list[Document]:
    told = [
        Entry(
            event_id=UUID(int=number),
            ticket_id=TICKET,
            at=NOW + timedelta(seconds=number),
            subject=subject,
            who=who,
            what=subject,
            why=why,
            data="{}",
        )
        for number, (subject, who, why) in enumerate(
            [("ticket.created", "ingest", ""), ("ticket.triaged", "triage", "P1, as it says")]
        )
    ]
    return [_document(entry) for entry in chained(told, seq=0, prev=GENESIS)]


async def store(db: Database) -> None:
    """Two tickets; one has a session that waits for an approval, and a timeline."""
    await db.get_collection("tickets").insert_many(
        [ticket(TICKET), ticket(OTHER, state="closed", created_at=NOW - timedelta(days=2))]
    )
    await db.get_collection("sessions").insert_one(session())
    await db.get_collection("approvals").insert_one(approval())
    await db.get_collection("timeline").insert_many(timeline())
    await db.get_collection("output").insert_one(
        {
            "_id": f"{SESSION}/look/1",
            "session_id": SESSION,
            "step_id": "look",
            "attempt": 1,
            "stdout": "inactive\n",
            "stderr": "",
        }
    )
