"""What the notifier takes in."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import structlog
from faststream import Context

from services.notifier.approval import Approval
from services.notifier.channels.telling import Teller
from services.notifier.choice import Choice
from services.notifier.inquiry import Inquiry
from services.notifier.routing.matching import Asked, Matched
from services.notifier.routing.rounds import Rounds
from services.notifier.store import Questions
from shared.bus import PublishDep, Router, consumes
from shared.events import (
    PlanChoiceNeeded,
    QuestionAsked,
    SessionFinished,
    SessionStarted,
    StepAwaitingApproval,
    StepDone,
    TicketClosed,
    TicketEscalated,
    TicketResolved,
)
from shared.signing import Signer
from shared.telemetry import current_trace

log = structlog.get_logger(__name__)
router = Router()
#: Of what happens on the way; taken in only where somebody wants to hear of it.
progress = Router()

TicketOutcome = TicketResolved | TicketEscalated | TicketClosed
#: Finds the route of a question that is asked at a time.
FindRoute = Callable[[Asked, datetime], Matched]


QuestionsDep = Annotated[Questions, Context("questions")]
TellerDep = Annotated[Teller, Context("teller")]
RouteDep = Annotated[FindRoute, Context("route")]
RoundsDep = Annotated[Rounds, Context("rounds")]
SignerDep = Annotated[Signer, Context("signer")]


@consumes(router, StepAwaitingApproval, by="notifier")
async def ask(
    event: StepAwaitingApproval,
    route: RouteDep,
    rounds: RoundsDep,
    signer: SignerDep,
    publish: PublishDep,
) -> None:
    """Ask people for their yes or no, if an executor asks; a redelivery sends what is unsent."""
    signer.check_event(event)
    now = datetime.now(UTC)
    asked = Approval.asked(event, (), now=now, trace=current_trace())
    await rounds.begin(asked, route(event, now), publish)


@consumes(router, PlanChoiceNeeded, by="notifier")
async def ask_which(
    event: PlanChoiceNeeded, route: RouteDep, rounds: RoundsDep, publish: PublishDep
) -> None:
    """Ask people which runbook to use; a redelivery sends only what is not yet sent."""
    now = datetime.now(UTC)
    asked = Choice.asked(event, (), now=now, trace=current_trace())
    await rounds.begin(asked, route(event, now), publish)


@consumes(router, QuestionAsked, by="notifier")
async def inquire(
    event: QuestionAsked,
    route: RouteDep,
    rounds: RoundsDep,
    signer: SignerDep,
    publish: PublishDep,
) -> None:
    """Ask people what a session has to know; see ``ask``."""
    signer.check_event(event)
    now = datetime.now(UTC)
    asked = Inquiry.asked(event, (), teams=rounds.teams, now=now, trace=current_trace())
    await rounds.begin(asked, route(event, now), publish)


@consumes(router, SessionFinished, by="notifier")
async def withdraw(
    event: SessionFinished,
    questions: QuestionsDep,
    teller: TellerDep,
    signer: SignerDep,
    publish: PublishDep,
) -> None:
    """Take back what a session that ended still asked for, and tell how it ended."""
    signer.check_event(event)
    count = await questions.supersede(event.session_id, event.time)
    if count:
        log.info("approval.superseded", session_id=str(event.session_id), count=count)
    await teller.tell(event, publish)


@consumes(router, TicketResolved, by="notifier")
async def tell_resolved(
    event: TicketResolved, questions: QuestionsDep, teller: TellerDep, publish: PublishDep
) -> None:
    """Tell people that a problem is gone, and that nobody has to choose any more."""
    await _withdraw_choices(event, questions)
    await teller.tell(event, publish)


@consumes(router, TicketEscalated, by="notifier")
async def tell_escalated(
    event: TicketEscalated, questions: QuestionsDep, teller: TellerDep, publish: PublishDep
) -> None:
    """Tell people that one of them has to take over."""
    await _withdraw_choices(event, questions)
    await teller.tell(event, publish)


@consumes(router, TicketClosed, by="notifier")
async def withdraw_closed(event: TicketClosed, questions: QuestionsDep) -> None:
    """Have nobody choose a runbook for what needs none."""
    await _withdraw_choices(event, questions)


@consumes(progress, SessionStarted, by="notifier")
async def tell_started(event: SessionStarted, teller: TellerDep, publish: PublishDep) -> None:
    """Tell those who want to know that a plan runs."""
    await teller.tell(event, publish)


@consumes(progress, StepDone, by="notifier")
async def tell_unclear(event: StepDone, teller: TellerDep, publish: PublishDep) -> None:
    """Tell those who want to know of a step that may have run or not."""
    await teller.tell(event, publish)


async def _withdraw_choices(event: TicketOutcome, questions: Questions) -> None:
    count = await questions.supersede_choices(event.ticket_id, event.time)
    if count:
        log.info("choice.superseded", ticket_id=str(event.ticket_id), count=count)
