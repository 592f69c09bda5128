"""Small stand-ins: a store in memory, a mailer that remembers, a clock that is set."""

from datetime import datetime

from services.notifier.delivery import MailRefusedError
from services.notifier.recipients import Status
from services.notifier.store import BATCH
from shared.errors import UnavailableError
from shared.lifecycle import ApprovalState
from tests.notifier.builders import NOW


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Bus:
    """Keeps what was published; refuses while it is down."""

    def __init__(self) -> None:
        self.events = []
        self.down = False

    async def publish(self, *events) -> None:
        if self.down:
            raise UnavailableError("the bus is not connected")
        self.events += events

    def of(self, kind) -> list:
        return [event for event in self.events if isinstance(event, kind)]


class FakeMailer:
    """Takes every mail, but for those to whom it should not."""

    def __init__(self) -> None:
        self.mails = []
        self.refuses = set()
        self.delays = set()

    async def send(self, mail, *, now) -> None:
        if mail.to.email in self.refuses:
            raise MailRefusedError("550 no such user")
        if mail.to.email in self.delays:
            raise UnavailableError("451 try again later")
        self.mails.append(mail)

    def sent_to(self) -> list[str]:
        return [mail.to.email for mail in self.mails]


class FakeApprovals:
    """The contract of ``Approvals``, in memory."""

    def __init__(self, publish) -> None:
        self._publish = publish
        self._kept = {}
        self._outbox = {}
        self._finished = {}

    async def open(self, approval):
        self._kept.setdefault(approval.id, approval)
        if approval.session_id in self._finished:
            await self.supersede(approval.session_id, self._finished[approval.session_id])
        return self._kept[approval.id]

    async def find(self, approval_id):
        return self._kept.get(approval_id)

    async def mark(self, approval_id, recipient):
        kept = self._kept[approval_id]
        self._kept[approval_id] = kept.model_copy(
            update={"recipients": _marked(kept.recipients, recipient)}
        )

    async def record(self, before, after, events):
        kept = self._kept[before.id]
        if kept.state is not ApprovalState.PENDING or len(kept.decisions) != len(before.decisions):
            return False
        self._kept[before.id] = kept.model_copy(
            update={
                "state": after.state,
                "settled_at": after.settled_at,
                "decisions": after.decisions,
            }
        )
        self._outbox[before.id] = list(events)
        return True

    async def announce(self, approval, events):
        await self._publish(*events)
        self._outbox.pop(approval.id, None)

    async def overdue(self, now):
        late = [a for a in self._kept.values() if a.state == "pending" and a.expires_at <= now]
        return sorted(late, key=lambda a: a.expires_at)[:BATCH]

    async def supersede(self, session_id, now):
        self._finished.setdefault(session_id, now)
        pending = [
            a for a in self._kept.values() if a.session_id == session_id and a.state == "pending"
        ]
        for a in pending:
            self._kept[a.id] = a.model_copy(
                update={"state": ApprovalState.SUPERSEDED, "settled_at": now}
            )
        return len(pending)


class FakeNotifications:
    """The contract of ``Notifications``, in memory."""

    def __init__(self) -> None:
        self._kept = {}

    async def open(self, event, recipients, now):
        return self._kept.setdefault(event.id, tuple(recipients))

    async def mark(self, event_id, recipient):
        self._kept[event_id] = _marked(self._kept[event_id], recipient)


def _marked(recipients, changed):
    return tuple(
        changed if r.email == changed.email and r.status is Status.QUEUED else r for r in recipients
    )
