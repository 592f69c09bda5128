"""A runbook that a person runs: asked for, and followed to its end."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from deploy.directing import found_session
from deploy.person import person
from deploy.speaking import PATIENCE, NotDoneError, Voice, until
from deploy.views import Ticket
from services.executor.session import Session
from services.planner.requested import PLANNED_FROM
from services.triage.verdict import judged
from shared.events import Alert, AlertStatus, PlanRequested
from shared.lifecycle import SESSION_ENDED, SessionState, StepState, TicketState

#: The source of tickets that are opened here.
SOURCE: Final = "terminal"
_UNDER_WAY: Final = frozenset({TicketState.PLANNED, TicketState.IN_PROGRESS, TicketState.VERIFYING})
_WAITS: Final = frozenset({StepState.AWAITING_APPROVAL, StepState.UNKNOWN})

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How it went: the session, where there was one, and the ticket as it stands."""

    ticket: Ticket
    session: Session | None

    @property
    def succeeded(self) -> bool:
        """Whether the plan ran through, and its checks, where it has some, found it helped."""
        if self.session is None or self.session.state is not SessionState.SUCCEEDED:
            return False
        return not self.session.verify or self.ticket.state is TicketState.RESOLVED


def made_up(runbook: str, labels: Mapping[str, str], alert: str) -> Alert:
    """What a ticket without an alert is opened with; each time another problem."""
    new = Alert(
        source=SOURCE,
        name=alert,
        status=AlertStatus.FIRING,
        fingerprint=hashlib.sha256(uuid4().bytes).hexdigest()[:32],
        title=f"{runbook}, run by {person()}",
        labels=dict(labels),
        requested_by=person(),
    )
    return new.model_copy(update={"severity": judged(new).severity})


def request(
    runbook: str, ticket: Ticket | None, alert: Alert | None, params: Mapping[str, str], reason: str
) -> PlanRequested:
    """The request, not signed yet; of no ticket, it opens one with the alert."""
    return PlanRequested(
        id=uuid4(),
        ticket_id=ticket.id if ticket else uuid4(),
        runbook=runbook,
        params=dict(params),
        by=person(),
        at=datetime.now(UTC),
        reason=reason,
        alert=None if ticket else alert,
    )


def check(ticket: Ticket) -> None:
    """Raise unless a plan may be asked for.

    Raises:
        NotDoneError: it has ended, or something is under way for it; says what would help.
    """
    it_is = f"ticket {ticket.id} is {ticket.state}"
    if ticket.parent_id is not None:
        raise NotDoneError(f"{it_is}, under {ticket.parent_id}: run it for that one")
    if ticket.waits_for is not None:
        choose = f"`handrail approvals choose {ticket.waits_for.id}`"
        raise NotDoneError(f"{it_is}, and somebody is asked which runbook: say {choose}")
    if ticket.state in _UNDER_WAY:
        raise NotDoneError(f"{it_is}: session {ticket.session_id} is under way for it")
    if ticket.state not in PLANNED_FROM:
        raise NotDoneError(f"{it_is}: there is nothing left to mend; leave --ticket out")


async def planned(voice: Voice, said: PlanRequested) -> Session | Ticket:
    """The session that was made of a request, or the ticket that went to a person instead.

    Raises:
        NotDoneError: nothing was, in time.
    """

    async def look() -> Session | Ticket | None:
        session = await found_session(voice, said.session_id)
        if session is not None:
            return session
        ticket = await _ticket(voice, said.ticket_id)
        refused = ticket and ticket.escalated and ticket.escalated.caused_by == said.id
        return ticket if refused else None

    slow = (
        f"no planner has taken it up within {PATIENCE.total_seconds():g} s, or something else "
        "became of the ticket (`handrail doctor` says what is wrong)"
    )
    return await until(look, within=PATIENCE, otherwise=slow)


async def followed(voice: Voice, said: PlanRequested, tell: Tell) -> Ended:
    """How it went, after telling on the way what becomes of each step.

    Raises:
        NotDoneError: see ``planned``.
    """
    made = await planned(voice, said)
    if isinstance(made, Ticket):
        return Ended(made, None)
    tell(f"session {made.id}, for ticket {made.ticket_id}")
    session = await _to_its_end(voice, made, tell)
    if session.state is SessionState.SUCCEEDED and session.verify:
        tell("it ran through; whether that helped is being checked")

    async def settled() -> Ticket | None:
        ticket = await voice.reader.ticket(str(session.ticket_id))
        return None if ticket.state in _UNDER_WAY else ticket

    return Ended(await until(settled, within=None), session)


async def _to_its_end(voice: Voice, session: Session, tell: Tell) -> Session:
    known: dict[str, str] = {}

    async def look() -> Session | None:
        now = await found_session(voice, session.id)
        if now is None:
            return None
        for line in _news(now, known):
            tell(line)
        return now if now.state in SESSION_ENDED else None

    return await until(look, within=None)


def _news(session: Session, known: dict[str, str]) -> list[str]:
    """A line for each step that is not as it was known."""
    lines = []
    for step in session.steps:
        run = session.run(step.id)
        state = f"held back: {run.held}" if run.held else run.state.value
        if state == known.setdefault(step.id, StepState.PENDING.value):
            continue
        known[step.id] = state
        why = f" ({run.reason})" if run.reason else ""
        lines.append(
            f"{step.id}: {state}{why}{_asked(run.approval_id or run.question_id, run.state)}"
        )
    return lines


def _asked(question: UUID | None, state: StepState) -> str:
    if question is None or state not in _WAITS:
        return ""
    return f": `handrail approvals show {str(question)[:8]}`"


async def _ticket(voice: Voice, ticket_id: UUID) -> Ticket | None:
    found = await voice.reader.tickets_by_id([ticket_id])
    return found.get(ticket_id)
