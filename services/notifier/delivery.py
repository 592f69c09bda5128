"""Hands letters to mailers: each recipient on their own, and nobody twice."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from services.notifier.links import Channel
from services.notifier.mail import Mail
from services.notifier.recipients import Recipient, Status
from shared.errors import PermanentError, UnavailableError

log = structlog.get_logger(__name__)


class MailRefusedError(PermanentError):
    """The mail server will never take this mail for this recipient."""


class Mailer(Protocol):
    """A way by which a mail reaches somebody."""

    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Hand the mail over; it is with somebody else when this returns.

        Raises:
            MailRefusedError: for good, for this recipient.
            UnavailableError: not now.
        """
        ...


class Mark(Protocol):
    """Stores how far the message to one recipient got."""

    async def __call__(self, recipient: Recipient) -> None: ...


class Postman:
    """Delivers mails over the channel of each recipient."""

    def __init__(self, mailers: Mapping[Channel, Mailer]) -> None:
        self._mailers = mailers

    async def deliver(
        self, mails: Iterable[Mail], *, now: datetime, mark: Mark
    ) -> tuple[Recipient, ...]:
        """Send what is still queued, and store after each what came of it.

        Returns the recipients as they have become: one who could not be reached for now is still
        queued, and does not keep the others waiting.
        """
        return tuple([await self._deliver(mail, now, mark) for mail in mails])

    async def give_up(
        self, recipients: Iterable[Recipient], *, now: datetime, mark: Mark
    ) -> tuple[Recipient, ...]:
        """Store that what is still queued will not be sent any more."""
        return tuple([await self._give_up(to, now, mark) for to in recipients])

    async def _give_up(self, to: Recipient, now: datetime, mark: Mark) -> Recipient:
        if to.status is not Status.QUEUED:
            return to
        error = f"not sent in time: {to.error or 'nobody was there to send it'}"
        after = to.model_copy(update={"status": Status.FAILED, "at": now, "error": error})
        await mark(after)
        return after

    async def _deliver(self, mail: Mail, now: datetime, mark: Mark) -> Recipient:
        if mail.to.status is not Status.QUEUED:
            return mail.to
        after = await self._tried(mail, now)
        await mark(after)
        return after

    async def _tried(self, mail: Mail, now: datetime) -> Recipient:
        to = mail.to
        told = {"recipient": to.email, "about": str(mail.about), "tries": to.tries + 1}
        changes: dict[str, object] = {"tries": to.tries + 1, "at": now}
        try:
            await self._mailers[to.channel].send(mail, now=now)
        except MailRefusedError as error:
            log.warning("mail.refused", reason=str(error), **told)
            changes |= {"status": Status.FAILED, "error": str(error)}
        except UnavailableError as error:
            log.warning("mail.delayed", reason=str(error), **told)
            changes |= {"error": str(error)}
        else:
            log.info("mail.sent", channel=to.channel.value, **told)
            changes |= {"status": Status.SENT, "error": ""}
        return to.model_copy(update=changes)
