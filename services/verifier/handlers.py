"""What the verifier takes in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Protocol

import structlog
from faststream import Context

from services.verifier.store import Tickets
from shared.bus import PublishDep, Router, consumes
from shared.events import (
    Change,
    Check,
    CheckResult,
    Resolution,
    SessionFinished,
    SessionOutcome,
    TicketEscalated,
    TicketResolved,
    TicketUpdated,
)

log = structlog.get_logger(__name__)
router = Router()


class Verify(Protocol):
    """See ``verification.Verification``."""

    async def run(self, checks: Sequence[Check], since: datetime) -> tuple[CheckResult, ...]: ...


TicketsDep = Annotated[Tickets, Context("tickets")]
VerifyDep = Annotated[Verify, Context("verification")]
NowDep = Annotated[Callable[[], datetime], Context("now")]


@consumes(router, SessionFinished, by="verifier", workers=256)
async def conclude(
    finished: SessionFinished,
    tickets: TicketsDep,
    verification: VerifyDep,
    now: NowDep,
    publish: PublishDep,
) -> None:
    """Say whether the problem is gone; takes as long as the checks may, and survives a restart."""
    match finished.outcome:
        case SessionOutcome.CANCELLED:
            outcome: TicketResolved | TicketEscalated | None = _by_source(finished)
        case SessionOutcome.FAILED:
            outcome = _escalated(finished, f"the plan failed: {finished.reason}")
        case SessionOutcome.SUCCEEDED:
            outcome = await _verified(finished, tickets, verification, now)
    if outcome is None:
        log.info("ticket.moved_on")
    elif await _recorded(outcome, finished, tickets):
        await publish(outcome)


@consumes(router, TicketUpdated, by="verifier")
async def heed_source(said: TicketUpdated, tickets: TicketsDep, publish: PublishDep) -> None:
    """Resolve a ticket whose source says that the problem is gone, where no plan is under way."""
    if said.change is not Change.RESOLVED_AT_SOURCE:
        return
    resolved = TicketResolved.following(
        said,
        title=said.alert.title,
        resolution=Resolution.SOURCE,
        summary="the source said that the problem is gone, with no plan under way",
    )
    if await tickets.resolve(resolved, caused_by=said.id, without_plan=True):
        await publish(resolved)


async def _verified(
    finished: SessionFinished,
    tickets: Tickets,
    verification: Verify,
    now: Callable[[], datetime],
) -> TicketResolved | TicketEscalated | None:
    if not finished.verify:
        return _escalated(finished, "the plan ran, and its runbook has no check that it helped")
    since = await tickets.verifying(finished.ticket_id, caused_by=finished.id, now=now())
    if since is None:
        return None
    checks = await verification.run(finished.verify, since)
    failed = [check for check in checks if not check.passed]
    if failed:
        reason = f"the plan ran, and the problem is still there: {failed[0].check}: "
        return _escalated(finished, reason + failed[0].detail, checks)
    return TicketResolved.following(
        finished,
        title=finished.ticket_title,
        session_id=finished.session_id,
        resolution=Resolution.VERIFIED,
        summary="; ".join(f"{check.check}: {check.detail}" for check in checks),
        checks=checks,
    )


def _by_source(finished: SessionFinished) -> TicketResolved:
    return TicketResolved.following(
        finished,
        title=finished.ticket_title,
        session_id=finished.session_id,
        resolution=Resolution.SOURCE,
        summary=finished.reason,
    )


def _escalated(
    finished: SessionFinished, reason: str, checks: tuple[CheckResult, ...] = ()
) -> TicketEscalated:
    return TicketEscalated.following(
        finished,
        title=finished.ticket_title,
        session_id=finished.session_id,
        reason=reason,
        tried=finished.tried,
        checks=checks,
    )


async def _recorded(
    outcome: TicketResolved | TicketEscalated, finished: SessionFinished, tickets: Tickets
) -> bool:
    if isinstance(outcome, TicketResolved):
        return await tickets.resolve(outcome, caused_by=finished.id)
    return await tickets.escalate(outcome, caused_by=finished.id)
