"""Takes bounces in: the recipient is marked, it is told, and the question goes on to others."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import structlog

from services.notifier.bounces.report import Bounce
from services.notifier.bounces.returns import Returns
from services.notifier.bounces.store import Bounced, Told
from services.notifier.links import BadLinkError
from services.notifier.question import Question
from services.notifier.recipients import Recipient, Status
from services.notifier.routing.reporting import reported
from shared.bus import Publish
from shared.events import NotificationFailed

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What became of a bounce."""

    BOUNCED = "bounced"
    KNOWN = "known"


class Bounces:
    """Believes only what came back to an address that was made for one recipient of one mail.

    That address is known to whoever had the mail in hands: they can say of their own mail that it
    did not arrive, and of no other.
    """

    def __init__(
        self,
        kept: Bounced,
        returns: Returns,
        publish: Publish,
        now: Callable[[], datetime],
    ) -> None:
        self._kept = kept
        self._returns = returns
        self._publish = publish
        self._now = now

    async def take(self, bounce: Bounce) -> Outcome:
        """Mark the recipient, once; a second notification changes nothing.

        It is told before it is stored: who comes again after a crash tells the same once more.

        Raises:
            BadLinkError: it is no mail of ours, or one of long ago.
            UnavailableError: not now; whoever brings it has to come again.
        """
        found = await self._kept.find(bounce.returned.document_id)
        recipients = () if found is None else found.recipients
        theirs = [to for to in recipients if self._returns.is_of(bounce.returned, to)]
        if found is None or not theirs:
            raise BadLinkError("there is no such mail")
        to = theirs[0]
        # The one that the mail is known by is marked last: who comes again finds what is left.
        if to.is_lost:
            return Outcome.KNOWN
        if isinstance(found, Question):
            for other in await self._kept.together(found, to):
                of_other = next(one for one in other.recipients if one.reference == to.reference)
                await self._mark(other, of_other, bounce.why)
        await self._mark(found, to, bounce.why)
        return Outcome.BOUNCED

    async def _mark(self, found: Question | Told, to: Recipient, why: str) -> None:
        now = self._now()
        after = to.model_copy(update={"status": Status.BOUNCED, "at": now, "error": why})
        await self._publish(*_events(found, after))
        await self._kept.mark(found, after, now)
        log.warning("message.bounced", recipient=to.email, reason=why, about=str(found.id))


def _events(found: Question | Told, to: Recipient) -> list[NotificationFailed]:
    if isinstance(found, Question):
        return [one for one in reported(found, [to]) if isinstance(one, NotificationFailed)]
    failed = NotificationFailed.about(
        found.id,
        key=to.key,
        time=to.at,
        ticket_id=found.ticket_id,
        channel=to.over,
        recipient=to.email,
        purpose=found.purpose,
        error=to.error,
    )
    return [failed]
