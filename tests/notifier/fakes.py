"""Small stand-ins: a store in memory, a mailer that remembers, a clock that is set."""

from datetime import datetime

from services.notifier.approval import Approval
from services.notifier.channels.messenger import RefusedError
from services.notifier.choice import Choice
from services.notifier.course import Moment
from services.notifier.recipients import Status
from services.notifier.routing.state import LEASE
from services.notifier.store import BATCH
from shared.errors import UnavailableError
from shared.lifecycle import ApprovalState
from tests.notifier.builders import NOW

_REPLACEABLE = (ApprovalState.PENDING, ApprovalState.APPROVED, ApprovalState.SUPERSEDED)


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
        self.delayed = []

    async def send(self, mail, *, now) -> None:
        if mail.to.email in self.refuses:
            raise RefusedError("550 no such user")
        if mail.to.email in self.delays:
            self.delayed.append(mail.to.email)
            raise UnavailableError("451 try again later")
        self.mails.append(mail)

    def sent_to(self) -> list[str]:
        return [mail.to.email for mail in self.mails]


class FakeQuestions:
    """The contract of ``Questions``, in memory; ``waiting`` has what each ticket waits for."""

    def __init__(self, publish) -> None:
        self._publish = publish
        self._kept = {}
        self._outbox = {}
        self._finished = {}
        self.waiting = {}
        self.running = set()

    async def open(self, question):
        self._kept.setdefault(question.id, question)
        if isinstance(question, Choice):
            if self.waiting.get(question.ticket_id) != question.id:
                self._supersede(lambda one: one.id == question.id, NOW)
        elif question.session_id in self._finished:
            await self.supersede(question.session_id, self._finished[question.session_id])
        old = self._kept.get(getattr(question, "replaces", None))
        if old is not None and old.superseded_by is None and old.state in _REPLACEABLE:
            update = {"state": ApprovalState.SUPERSEDED, "superseded_by": question.id}
            update["settled_at"] = old.settled_at or question.created_at
            self._kept[old.id] = old.model_copy(update=update)
        return self._kept[question.id]

    async def begun(self, approval):
        return approval.step_id in self.running

    async def find(self, question_id):
        return self._kept.get(question_id)

    async def mark(self, question_id, recipient):
        kept = self._kept[question_id]
        self._kept[question_id] = kept.model_copy(
            update={"recipients": _marked(kept.recipients, recipient)}
        )

    async def record(self, before, after, events):
        kept = self._kept[before.id]
        if kept.state is not before.state or len(kept.answers) != len(before.answers):
            return False
        self._kept[before.id] = kept.model_copy(
            update={
                "state": after.state,
                "settled_at": after.settled_at,
                "decisions": after.decisions,
                **({"wanted": after.wanted} if isinstance(after, Approval) else {}),
                **({"proposal": after.proposal} if isinstance(after, Approval) else {}),
            }
        )
        self._outbox[before.id] = list(events)
        return True

    async def announce(self, question, events):
        await self._publish(*events)
        self._outbox.pop(question.id, None)

    async def overdue(self, now):
        late = [q for q in self._kept.values() if q.state == "pending" and q.expires_at <= now]
        return sorted(late, key=lambda q: q.expires_at)[:BATCH]

    async def pending(self, most):
        waiting = [q for q in self._kept.values() if q.state == "pending"]
        return sorted(waiting, key=lambda q: q.expires_at)[:most]

    async def supersede(self, session_id, now):
        self._finished.setdefault(session_id, now)
        return self._supersede(lambda one: getattr(one, "session_id", None) == session_id, now)

    async def supersede_choices(self, ticket_id, now):
        return self._supersede(
            lambda one: isinstance(one, Choice) and one.ticket_id == ticket_id, now
        )

    def _supersede(self, which, now):
        pending = [q for q in self._kept.values() if q.state == "pending" and which(q)]
        for q in pending:
            self._kept[q.id] = q.model_copy(
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

    async def title_of(self, ticket_id):
        return "shop-api is down on web-1"


def _marked(recipients, changed):
    return tuple(
        changed if r.key == changed.key and r.status is Status.QUEUED else r for r in recipients
    )


class FakeClaims:
    """The contract of ``Claims``, over the questions of ``FakeQuestions``."""

    def __init__(self, questions) -> None:
        self._kept = questions._kept
        self._digests = {}

    async def due(self, now):
        return [
            question
            for question in self._kept.values()
            if question.state == "pending"
            and question.routing
            and question.routing.next_at
            and question.routing.next_at <= now
        ]

    async def take(self, question_id, seen, *, owner, done, more, now):
        question = self._kept[question_id]
        routing = question.routing
        busy = routing.claimed_until and routing.claimed_until > now
        if question.state != "pending" or busy or routing.turn != seen.turn:
            return False
        changes = {
            "turn": seen.turn + 1,
            "owner": owner,
            "claimed_until": now + LEASE,
            "next_at": now + LEASE,
            "done": tuple(dict.fromkeys((*routing.done, *done))),
        }
        self._keep(question, recipients=(*question.recipients, *more), **changes)
        return True

    async def rest(self, question_id, owner, next_at):
        question = self._kept[question_id]
        if question.routing.owner == owner:
            self._keep(question, owner="", claimed_until=None, next_at=next_at)

    async def gather(self, digest, owner, now):
        if self._digests.get(digest, now) > now:
            return False
        self._digests[digest] = now + LEASE
        return True

    def _keep(self, question, *, recipients=None, **changes):
        update = {"routing": question.routing.model_copy(update=changes)}
        if recipients is not None:
            update["recipients"] = recipients
        self._kept[question.id] = question.model_copy(update=update)


class FakeCourses:
    """The contract of ``Courses``: one moment of every ticket."""

    async def of(self, ticket_id):
        return (Moment(NOW, "The problem was reported"),)


class FakeTrail:
    """Keeps entries; refuses while it is down."""

    def __init__(self) -> None:
        self.entries = []
        self.down = False

    async def add(self, entry) -> None:
        if self.down:
            raise UnavailableError("MongoDB does not answer")
        self.entries.append(entry)


class FakeFeedbacks:
    """The contract of ``Feedbacks``, in memory."""

    def __init__(self, publish) -> None:
        self._publish = publish
        self._kept = {}

    async def record(self, said):
        before = self._kept.get(said.id)
        self._kept[said.id] = said
        return before is None or before.model_copy(update={"at": said.at}) != said

    async def announce(self, said):
        await self._publish(said.event())

    async def find(self, ticket_id, by):
        found = [each for each in self._kept.values() if each.ticket_id == ticket_id]
        return next((each for each in found if each.by.casefold() == by.casefold()), None)
