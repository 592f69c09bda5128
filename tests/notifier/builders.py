"""Facts for the notifier's tests, with what a test does not care about filled in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import SecretStr

from services.notifier.approval import Approval
from services.notifier.channels.directory import Directory
from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.news import News, kind_of, news_of
from services.notifier.choice import Choice
from services.notifier.linking import Linking
from services.notifier.links import Channel, Link
from services.notifier.mail import Mail, mail_of
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from services.notifier.routing.choosing import Chooser
from services.notifier.routing.matching import Matched, matched
from services.notifier.routing.planning import Planner
from services.notifier.routing.rounds import Rounds
from shared.config import Person
from shared.events import (
    Alert,
    Answer,
    Choosing,
    Decision,
    Option,
    OptionStep,
    PlanChoiceNeeded,
    RunbookRef,
    SessionFinished,
    SessionOutcome,
    SessionStarted,
    StepAwaitingApproval,
    StepDone,
    StepOutcome,
    TicketEscalated,
    TicketResolved,
)
from shared.lifecycle import Risk, Severity
from shared.oncall.keeping import Rosters
from shared.signing import Signer

NOW = datetime(2030, 5, 3, 3, 0, 0, 123456, UTC)
SIGNER = Signer(SecretStr("k" * 32))
KEY = SIGNER.link_key()
ALICE = Person(name="Alice", email="alice@example.org")
BOB = Person(name="Bob", email="bob@example.org")
APPROVAL_ID = UUID(int=1)
CHOICE_ID = UUID(int=9)
SESSION_ID = UUID(int=2)
TICKET_ID = UUID(int=3)
HASH = "ab" * 32
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def asking(**changes) -> StepAwaitingApproval:
    said = {
        "id": UUID(int=4),
        "time": NOW,
        "ticket_id": TICKET_ID,
        "session_id": SESSION_ID,
        "step_id": "restart",
        "approval_id": APPROVAL_ID,
        "step_hash": HASH,
        "ticket_title": "shop-api is down on web-1",
        "severity": Severity.P1,
        "runbook": "restart-service",
        "title": "Restart shop-api on web-1",
        "connector": "ssh",
        "target": "web-1",
        "command": "systemctl restart shop-api",
        "risk": Risk.HIGH,
        "why": "The process does not answer.",
        "evidence": ("systemctl says: inactive (dead)",),
        "rollback": "systemctl stop shop-api",
        "required": 1,
        "expires_at": NOW + timedelta(hours=1),
    }
    return SIGNER.signed_event(StepAwaitingApproval(**said | changes))


def approval(people=(ALICE, BOB), **changes) -> Approval:
    recipients = [Recipient(name=p.name, email=p.email) for p in people]
    return Approval.asked(asking(**changes), recipients, now=NOW, trace=TRACE)


ONE = Option(
    runbook=RunbookRef(name="restart-api", title="Restart the API", version="9f"),
    why=("api in title: 1.20",),
    risk=Risk.HIGH,
    steps=(
        OptionStep(
            id="restart",
            title="Restart it",
            connector="ssh",
            target="web-1",
            command="systemctl restart shop-api",
            risk=Risk.HIGH,
        ),
    ),
)
TWO = Option(
    runbook=RunbookRef(name="move-api", title="Move the API", version="3c"),
    why=("api in title: 1.10",),
    risk=Risk.MEDIUM,
    steps=(
        OptionStep(
            id="move",
            title="Move it",
            connector="ssh",
            target="web-2",
            command="move shop-api",
            risk=Risk.MEDIUM,
        ),
    ),
)
LAME = Option(
    runbook=RunbookRef(name="scale-api", title="Scale the API", version="77"),
    hinders=("parameter count: the alert has no label count",),
)


def needed(**changes) -> PlanChoiceNeeded:
    said = {
        "id": UUID(int=8),
        "time": NOW,
        "ticket_id": TICKET_ID,
        "choice_id": CHOICE_ID,
        "alert": Alert(
            source="alertmanager",
            name="ApiSilent",
            status="firing",
            fingerprint="ab12",
            title="shop-api is down on web-1",
        ),
        "severity": Severity.P1,
        "because": "2 fit about as well: restart-api, move-api",
        "options": (ONE, TWO, LAME),
        "expires_at": NOW + timedelta(hours=1),
    }
    return PlanChoiceNeeded(**said | changes)


def choice(people=(ALICE, BOB), **changes) -> Choice:
    recipients = [Recipient(name=p.name, email=p.email) for p in people]
    return Choice.asked(needed(**changes), recipients, now=NOW, trace=TRACE)


def choosing(runbook: str | None = "restart-api", by=ALICE.email, at=NOW, **more) -> Choosing:
    return Choosing(runbook=runbook, by=by, at=at, channel="email", **more)


def decision(by=ALICE.email, answer=Answer.APPROVE, channel="email", at=NOW, **more) -> Decision:
    return Decision(answer=answer, by=by, at=at, channel=channel, **more)


def link(of: Question, recipient=ALICE.email, channel=Channel.EMAIL) -> Link:
    return Link.to(of.id, of.bound_to, of.expires_at, recipient=recipient, channel=channel)


LINKING = Linking(KEY, "https://handrail.example.org")


def rounds(people, questions, claims, postman, *, channels=None, teams=None, **more) -> Rounds:
    """What tells these people; ``now`` is the clock's where it is not said."""
    said = {
        "claims": claims,
        "questions": questions,
        "planner": Planner(Chooser(Directory(tuple(people), channels or {}), teams or {})),
        "linking": LINKING,
        "postman": postman,
        "rosters": Rosters(),
        "now": lambda: datetime.now(UTC),
    }
    return Rounds(**said | more)


def no_route(event, now) -> Matched:
    """Where handrail.yaml has no routes."""
    return matched((), event, {}, now)


def started() -> SessionStarted:
    return SessionStarted(
        id=UUID(int=12), time=NOW, ticket_id=TICKET_ID, session_id=SESSION_ID, runbook="restart"
    )


def step_done(outcome=StepOutcome.UNKNOWN) -> StepDone:
    return StepDone(
        id=UUID(int=13),
        time=NOW,
        ticket_id=TICKET_ID,
        session_id=SESSION_ID,
        step_id="restart",
        attempt=1,
        outcome=outcome,
        reason="the target is gone",
    )


def approval_mail(asked: Question, to: Recipient, *, link: str) -> Mail:
    return mail_of(Asking(asked, to, link))


def news(event) -> News:
    return news_of(event, kind_of(event), title="shop-api is down on web-1")


def outcome_mail(event, to: Recipient) -> Mail:
    return mail_of(Telling(news(event), to))


def finished(session_id=SESSION_ID, **changes) -> SessionFinished:
    said = {
        "id": UUID(int=5),
        "time": NOW,
        "ticket_id": TICKET_ID,
        "session_id": session_id,
        "ticket_title": "shop-api is down on web-1",
        "outcome": SessionOutcome.CANCELLED,
        "reason": "resolved at its source",
    }
    return SIGNER.signed_event(SessionFinished(**said | changes))


def resolved(**changes) -> TicketResolved:
    said = {
        "id": UUID(int=6),
        "ticket_id": TICKET_ID,
        "title": "shop-api is down on web-1",
        "resolution": "verified",
        "summary": "Restarting the service fixed it in 12 s.",
    }
    return TicketResolved(**said | changes)


def escalated(**changes) -> TicketEscalated:
    said = {
        "id": UUID(int=7),
        "ticket_id": TICKET_ID,
        "title": "shop-api is down on web-1",
        "reason": "the check did not pass",
        "tried": ("Restart shop-api on web-1",),
    }
    return TicketEscalated(**said | changes)
