"""What the notifier takes in."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Final

import structlog
from faststream import Context

from services.notifier.approval import Approval
from services.notifier.audience import Audience
from services.notifier.channels.message import Asking
from services.notifier.channels.reports import raise_for_unsent, reports
from services.notifier.channels.telling import Teller
from services.notifier.choice import Choice
from services.notifier.delivery import Postman
from services.notifier.question import Question
from services.notifier.recipients import Recipient
from services.notifier.store import Questions
from shared.bus import PublishDep, Router, consumes
from shared.events import (
    PlanChoiceNeeded,
    SessionFinished,
    SessionStarted,
    StepAwaitingApproval,
    StepDone,
    TicketEscalated,
    TicketResolved,
)
from shared.lifecycle import ApprovalState
from shared.policy.voters import voters
from shared.telemetry import current_trace

log = structlog.get_logger(__name__)
router = Router()
#: Of what happens on the way; taken in only where somebody wants to hear of it.
progress = Router()

#: What a notification is about, as its events say it.
APPROVAL: Final = "approval"
CHOICE: Final = "choice"

TicketOutcome = TicketResolved | TicketEscalated


QuestionsDep = Annotated[Questions, Context("questions")]
TellerDep = Annotated[Teller, Context("teller")]
AudienceDep = Annotated[Audience, Context("audience")]
PostmanDep = Annotated[Postman, Context("postman")]


@consumes(router, StepAwaitingApproval, by="notifier")
async def ask(
    event: StepAwaitingApproval,
    questions: QuestionsDep,
    audience: AudienceDep,
    postman: PostmanDep,
    publish: PublishDep,
) -> None:
    """Ask people for their yes or no; a redelivery sends only what is not yet sent."""
    now = datetime.now(UTC)
    rule = voters(event.who, requester=event.requester, not_requester=event.not_requester)
    to_ask = audience.and_rooms(audience.who_may(rule, now=now))
    asked = Approval.asked(event, to_ask, now=now, trace=current_trace())
    question = await questions.open(asked)
    told = await _asked(question, questions=questions, audience=audience, postman=postman, now=now)
    await publish(*reports(event, told, purpose=APPROVAL, about=question.id))
    if question.open_at(now):
        raise_for_unsent(told)


@consumes(router, PlanChoiceNeeded, by="notifier")
async def ask_which(
    event: PlanChoiceNeeded,
    questions: QuestionsDep,
    audience: AudienceDep,
    postman: PostmanDep,
    publish: PublishDep,
) -> None:
    """Ask people which runbook to use; a redelivery sends only what is not yet sent."""
    now = datetime.now(UTC)
    to_ask = audience.and_rooms(audience.recipients())
    asked = Choice.asked(event, to_ask, now=now, trace=current_trace())
    question = await questions.open(asked)
    told = await _asked(question, questions=questions, audience=audience, postman=postman, now=now)
    await publish(*reports(event, told, purpose=CHOICE, about=question.id))
    if question.open_at(now):
        raise_for_unsent(told)


@consumes(router, SessionFinished, by="notifier")
async def withdraw(
    event: SessionFinished, questions: QuestionsDep, teller: TellerDep, publish: PublishDep
) -> None:
    """Take back what a session that ended still asked for, and tell how it ended."""
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


@consumes(progress, SessionStarted, by="notifier")
async def tell_started(event: SessionStarted, teller: TellerDep, publish: PublishDep) -> None:
    """Tell those who want to know that a plan runs."""
    await teller.tell(event, publish)


@consumes(progress, StepDone, by="notifier")
async def tell_unclear(event: StepDone, teller: TellerDep, publish: PublishDep) -> None:
    """Tell those who want to know of a step that may have run or not."""
    await teller.tell(event, publish)


async def _asked(
    question: Question,
    *,
    questions: Questions,
    audience: Audience,
    postman: Postman,
    now: datetime,
) -> tuple[Recipient, ...]:
    """Whoever is asked, as far as that got; where it is too late, nobody is asked any more."""
    told, mark = question.recipients, partial(questions.mark, question.id)
    if question.open_at(now):
        messages = [Asking(question, to, audience.link_for(to, question)) for to in told]
        return await postman.deliver(messages, now=now, mark=mark)
    if question.state in {ApprovalState.PENDING, ApprovalState.EXPIRED}:
        return await postman.give_up(told, now=now, mark=mark)
    return told


async def _withdraw_choices(event: TicketOutcome, questions: Questions) -> None:
    count = await questions.supersede_choices(event.ticket_id, event.time)
    if count:
        log.info("choice.superseded", ticket_id=str(event.ticket_id), count=count)
