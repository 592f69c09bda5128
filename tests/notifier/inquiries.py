"""What a session wants to know, for tests: the fate of a command, and a form."""

from datetime import timedelta
from uuid import UUID

from services.notifier.inquiry import Inquiry
from services.notifier.recipients import Recipient
from shared.events import Asked, Fate, Filled, FormField, QuestionAsked, Reply, ValueType
from shared.lifecycle import Severity
from tests.notifier.builders import ALICE, BOB, NOW, SESSION_ID, SIGNER, TICKET_ID, TRACE

INQUIRY_ID = UUID(int=20)
DIGEST = "cd" * 32
FATE = (
    FormField(name="fate", title="What became of it?", type=ValueType.ENUM, options=tuple(Fate)),
)
FORM = (
    FormField(name="count", title="How many?", type=ValueType.INTEGER),
    FormField(name="unit", pattern="[a-z]+", default="gb", required=False),
    FormField(
        name="now", title="At once?", type=ValueType.BOOLEAN, default="False", required=False
    ),
)


def wondering(fields=FATE, **changes) -> QuestionAsked:
    said = {
        "id": UUID(int=21),
        "time": NOW,
        "ticket_id": TICKET_ID,
        "session_id": SESSION_ID,
        "step_id": "restart",
        "question_id": INQUIRY_ID,
        "digest": DIGEST,
        "asked": Asked.FATE if fields is FATE else Asked.FORM,
        "text": "Look there, then say <b>what</b> became of it.",
        "fields": fields,
        "ticket_title": "shop-api is down on web-1",
        "severity": Severity.P1,
        "runbook": "restart-service",
        "target": "web-1" if fields is FATE else "",
        "command": "systemctl restart shop-api" if fields is FATE else "",
        "evidence": ("systemctl says: inactive (dead)",),
        "expires_at": NOW + timedelta(hours=1),
    }
    return SIGNER.signed_event(QuestionAsked(**said | changes))


def inquiry(fields=FATE, people=(ALICE, BOB), teams=None, **changes) -> Inquiry:
    recipients = [Recipient(name=p.name, email=p.email) for p in people]
    event = wondering(fields, **changes)
    return Inquiry.asked(event, recipients, teams=teams or {}, now=NOW, trace=TRACE)


def replying(
    by=ALICE.email, at=NOW, channel="email", *, refused=False, reason="", **values
) -> Reply:
    given = tuple(Filled(name=name, value=value) for name, value in values.items())
    return Reply(values=given, by=by, at=at, channel=channel, refused=refused, reason=reason)
