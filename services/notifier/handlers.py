"""What the notifier takes in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import structlog
from faststream import Context

from services.notifier.approval import Approval
from services.notifier.audience import Audience
from services.notifier.channels.message import Asking, Telling
from services.notifier.channels.news import kind_of, news_of
from services.notifier.choice import Choice
from services.notifier.delivery import Postman
from services.notifier.question import Question
from services.notifier.recipients import Recipient, Status
from services.notifier.store import Notifications, Questions
from shared.bus import PublishDep, Router, consumes
from shared.errors import UnavailableError
from shared.events import (
    Event,
    NotificationFailed,
    NotificationSent,
    PlanChoiceNeeded,
    SessionFinished,
    StepAwaitingApproval,
    TicketEscalated,
    TicketResolved,
)
from shared.lifecycle import ApprovalState
from shared.policy.voters import voters
from shared.telemetry import current_trace

log = structlog.get_logger(__name__)
router = Router()

# A mail about an outcome that could not be sent for this long would be no news any more.
STALE: Final = timedelta(days=1)
#: What a notification is about, as its events say it.
APPROVAL: Final = "approval"
CHOICE: Final = "choice"

TicketOutcome = TicketResolved | TicketEscalated


QuestionsDep = Annotated[Questions, Context("questions")]
NotificationsDep = Annotated[Notifications, Context("notifications")]
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
    to_ask = audience.who_may(rule, now=now)
    asked = Approval.asked(event, to_ask, now=now, trace=current_trace())
    question = await questions.open(asked)
    told = await _asked(question, questions=questions, audience=audience, postman=postman, now=now)
    await publish(*_reports(event, told, purpose=APPROVAL, about=question.id))
    if question.open_at(now):
        _raise_for_unsent(told)


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
    asked = Choice.asked(event, audience.recipients(), now=now, trace=current_trace())
    question = await questions.open(asked)
    told = await _asked(question, questions=questions, audience=audience, postman=postman, now=now)
    await publish(*_reports(event, told, purpose=CHOICE, about=question.id))
    if question.open_at(now):
        _raise_for_unsent(told)


@consumes(router, SessionFinished, by="notifier")
async def withdraw(event: SessionFinished, questions: QuestionsDep) -> None:
    """Take back what a session that ended still asked for."""
    count = await questions.supersede(event.session_id, event.time)
    if count:
        log.info("approval.superseded", session_id=str(event.session_id), count=count)


@consumes(router, TicketResolved, by="notifier")
async def tell_resolved(
    event: TicketResolved,
    *,
    questions: QuestionsDep,
    notifications: NotificationsDep,
    audience: AudienceDep,
    postman: PostmanDep,
    publish: PublishDep,
) -> None:
    """Tell people that a problem is gone, and that nobody has to choose any more."""
    await _withdraw_choices(event, questions)
    await _tell(event, notifications, audience, postman, publish)


@consumes(router, TicketEscalated, by="notifier")
async def tell_escalated(
    event: TicketEscalated,
    *,
    questions: QuestionsDep,
    notifications: NotificationsDep,
    audience: AudienceDep,
    postman: PostmanDep,
    publish: PublishDep,
) -> None:
    """Tell people that one of them has to take over."""
    await _withdraw_choices(event, questions)
    await _tell(event, notifications, audience, postman, publish)


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


async def _tell(
    event: TicketOutcome,
    notifications: Notifications,
    audience: Audience,
    postman: Postman,
    publish: PublishDep,
) -> None:
    now = datetime.now(UTC)
    told = await notifications.open(event, audience.recipients(), now)
    mark = partial(notifications.mark, event.id)
    fresh, kind = now - event.time < STALE, kind_of(event)
    if fresh and kind:
        messages = [Telling(news_of(event, kind, title=event.title), to) for to in told]
        told = await postman.deliver(messages, now=now, mark=mark)
    else:
        told = await postman.give_up(told, now=now, mark=mark)
    await publish(*_reports(event, told, purpose=event.subject))
    if fresh:
        _raise_for_unsent(told)


def _reports(
    cause: Event, recipients: Sequence[Recipient], *, purpose: str, about: UUID | None = None
) -> list[Event]:
    """What came of each message; the same events however often they are made."""
    reports: list[Event] = []
    for to in recipients:
        said: dict[str, Any] = {
            "key": to.key,
            "channel": to.over,
            "recipient": to.email,
            "purpose": purpose,
            "approval_id": about,
        }
        if to.status is Status.SENT:
            reports.append(NotificationSent.following(cause, **said))
        elif to.status is Status.FAILED:
            reports.append(NotificationFailed.following(cause, error=to.error, **said))
    return reports


def _raise_for_unsent(recipients: Sequence[Recipient]) -> None:
    unsent = [to for to in recipients if to.status is Status.QUEUED]
    if unsent:
        raise UnavailableError(f"{len(unsent)} not told yet: {unsent[0].error}")
