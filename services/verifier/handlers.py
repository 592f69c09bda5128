"""What the verifier takes in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Protocol

import structlog
from faststream import Context

from services.verifier.byhand.ending import ending
from services.verifier.byhand.store import Endings
from services.verifier.store import Conclusion, Tickets
from shared.bus import PublishDep, Router, consumes
from shared.events import (
    Change,
    Check,
    CheckResult,
    Resolution,
    SessionFinished,
    SessionOutcome,
    TicketDirected,
    TicketEscalated,
    TicketResolved,
    TicketUpdated,
)
from shared.signing import Signer

log = structlog.get_logger(__name__)
router = Router()


class Verify(Protocol):
    """See ``verification.Verification``."""

    async def run(self, checks: Sequence[Check], since: datetime) -> tuple[CheckResult, ...]: ...


TicketsDep = Annotated[Tickets, Context("tickets")]
VerifyDep = Annotated[Verify, Context("verification")]
EndingsDep = Annotated[Endings, Context("endings")]
SignerDep = Annotated[Signer, Context("signer")]
NowDep = Annotated[Callable[[], datetime], Context("now")]


@consumes(router, SessionFinished, by="verifier", workers=256)
async def conclude(
    finished: SessionFinished,
    tickets: TicketsDep,
    verification: VerifyDep,
    *,
    signer: SignerDep,
    now: NowDep,
    publish: PublishDep,
) -> None:
    """Say whether the problem is gone; takes as long as the checks may, and survives a restart.

    What to run is believed only of an executor. A redelivery says again what was said at first.
    """
    signer.check_event(finished)
    match finished.outcome:
        case SessionOutcome.SUCCEEDED:
            said = await _verified(finished, tickets, verification, now)
        case SessionOutcome.FAILED:
            said = await _escalated(finished, tickets, f"the plan failed: {finished.reason}")
        case SessionOutcome.CANCELLED:
            said = await _called_off(finished, tickets)
    said = said or await tickets.concluded(finished.ticket_id, caused_by=finished.id)
    if said is None:
        log.info("ticket.moved_on")
    else:
        await publish(said)


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
    if await tickets.resolve_unplanned(resolved, caused_by=said.id):
        await publish(resolved)
    elif (known := await tickets.concluded(said.ticket_id, caused_by=said.id)) is not None:
        await publish(known)


@consumes(router, TicketDirected, by="verifier")
async def end_by_hand(
    said: TicketDirected, endings: EndingsDep, signer: SignerDep, publish: PublishDep
) -> None:
    """End a ticket that a person wants ended, if they really do and no plan is under way."""
    signer.check_request(said)
    ticket = await endings.standing(said.ticket_id)
    if ticket is None:
        log.info("ticket.unknown", ticket_id=str(said.ticket_id))
        return
    told = ending(said, ticket)
    if await endings.end(told, said):
        await publish(told)
    elif (known := await endings.ended(said)) is not None:
        await publish(known)
    else:
        log.info("ticket.moved_on")


async def _verified(
    finished: SessionFinished,
    tickets: Tickets,
    verification: Verify,
    now: Callable[[], datetime],
) -> Conclusion | None:
    if not finished.verify:
        reason = "the plan ran, and its runbook has no check that it helped"
        return await _escalated(finished, tickets, reason)
    since = await tickets.verifying(finished.ticket_id, caused_by=finished.id, now=now())
    if since is None:
        return None
    found = _found(finished, await verification.run(finished.verify, since))
    return found if await tickets.end_verification(found, caused_by=finished.id) else None


async def _called_off(finished: SessionFinished, tickets: Tickets) -> Conclusion | None:
    resolved = TicketResolved.following(
        finished,
        title=finished.ticket_title,
        session_id=finished.session_id,
        resolution=Resolution.SOURCE,
        summary=finished.reason,
    )
    if await tickets.resolve_called_off(resolved, caused_by=finished.id):
        return resolved
    reason = f"the plan was called off ({finished.reason}), and the source says that it fires again"
    return await _escalated(finished, tickets, reason)


async def _escalated(
    finished: SessionFinished, tickets: Tickets, reason: str
) -> TicketEscalated | None:
    escalated = _escalation(finished, reason)
    return escalated if await tickets.escalate(escalated, caused_by=finished.id) else None


def _found(finished: SessionFinished, checks: tuple[CheckResult, ...]) -> Conclusion:
    """What the checks make of the ticket: all of them have to pass."""
    failed = [check for check in checks if not check.passed]
    if failed:
        told = "; ".join(f"{check.check}: {check.detail}" for check in failed)
        return _escalation(
            finished, f"the plan ran, and the problem is still there: {told}", checks
        )
    return TicketResolved.following(
        finished,
        title=finished.ticket_title,
        session_id=finished.session_id,
        resolution=Resolution.VERIFIED,
        summary="; ".join(f"{check.check}: {check.detail}" for check in checks),
        checks=checks,
    )


def _escalation(
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
