"""The desk: answers and expiries become recorded outcomes, each exactly once."""

from collections.abc import Callable
from datetime import datetime

import structlog

from services.notifier.approval import (
    Approval,
    Expired,
    Outcome,
    Recorded,
    decide,
    expired,
    outcome_event,
)
from services.notifier.links import Link
from services.notifier.store import Approvals
from shared.errors import UnavailableError
from shared.events import Answer, Decision, Event
from shared.signing import Signer

log = structlog.get_logger(__name__)

Clock = Callable[[], datetime]


class Desk:
    """Where people's answers arrive."""

    def __init__(self, approvals: Approvals, signer: Signer, now: Clock) -> None:
        self._approvals = approvals
        self._signer = signer
        self._now = now

    async def find(self, link: Link) -> Approval | None:
        """The approval that a link leads to, if it leads to one."""
        approval = await self._approvals.find(link.approval_id)
        if approval is None or not link.leads_to(approval.id, approval.step_hash):
            return None
        return approval

    async def answer(
        self, approval: Approval, link: Link, answer: Answer, *, reason: str
    ) -> Outcome:
        """Record what the link's recipient says, unless it is too late for that.

        Raises:
            UnavailableError: the store does not answer; whether it was recorded is not known.
        """
        while True:
            now = self._now()
            decision = self._signed(approval, link, answer, reason=reason, now=now)
            outcome = decide(approval, decision, now=now)
            if not isinstance(outcome, Recorded) or await self._settle(approval, outcome.approval):
                return outcome
            # Somebody else's answer was recorded in between: judge again, with theirs.
            found = await self._approvals.find(approval.id)
            if found is None:
                return Expired()
            approval = found

    async def expire(self) -> None:
        """Reject what nobody answered in time."""
        for approval in await self._approvals.overdue(self._now()):
            if await self._settle(approval, expired(approval, now=self._now())):
                log.info("approval.expired", **_names(approval))

    def _signed(
        self, approval: Approval, link: Link, answer: Answer, *, reason: str, now: datetime
    ) -> Decision:
        decision = Decision(
            answer=answer, by=link.recipient, at=now, channel=link.channel.value, reason=reason
        )
        return self._signer.signed(decision, approval_id=approval.id, step_hash=approval.step_hash)

    async def _settle(self, before: Approval, after: Approval) -> bool:
        expiry = self._signer.expiry(approval_id=after.id, step_hash=after.step_hash)
        event = outcome_event(after, expiry=expiry)
        events: list[Event] = [] if event is None else [event]
        if not await self._approvals.record(before, after, events):
            return False
        log.info("approval.recorded", state=after.state.value, **_names(after))
        try:
            await self._approvals.announce(after, events)
        except UnavailableError as error:
            # It is recorded, and that is what the person has to know; the sweep publishes it.
            log.warning("approval.unannounced", reason=str(error), **_names(after))
        return True


def _names(approval: Approval) -> dict[str, str]:
    return {
        "approval_id": str(approval.id),
        "ticket_id": str(approval.ticket_id),
        "session_id": str(approval.session_id),
        "step_id": approval.step_id,
    }
