"""Hands messages to channels: each recipient on their own, and nobody twice."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from services.notifier.channels.message import Asking, Message, about
from services.notifier.channels.messenger import Messenger, RefusedError
from services.notifier.recipients import Recipient, Status
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)


class Mark(Protocol):
    """Stores how far the message to one recipient got."""

    async def __call__(self, recipient: Recipient) -> None: ...


class Postman:
    """Delivers messages over the channel of each recipient; channels by their names."""

    def __init__(self, messengers: Mapping[str, Messenger]) -> None:
        self._messengers = messengers

    async def deliver(
        self, messages: Iterable[Message], *, now: datetime, mark: Mark
    ) -> tuple[Recipient, ...]:
        """Send what is still queued, and store after each what came of it.

        Returns the recipients as they have become: one who could not be reached for now is still
        queued, and does not keep the others waiting.
        """
        delivering = [self._deliver(message, now, mark) for message in messages]
        # All are tried to the end: what one raises must not leave another sent but unmarked.
        outcomes = await asyncio.gather(*delivering, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return tuple(outcome for outcome in outcomes if isinstance(outcome, Recipient))

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

    async def _deliver(self, message: Message, now: datetime, mark: Mark) -> Recipient:
        if message.to.status is not Status.QUEUED:
            return message.to
        after = await self._tried(message, now)
        await mark(after)
        return after

    async def _tried(self, message: Message, now: datetime) -> Recipient:
        to = message.to
        told = {"recipient": to.email, "channel": to.over, "about": str(about(message))}
        changes: dict[str, object] = {"tries": to.tries + 1, "at": now}
        try:
            reference = await self._handed_over(message, now)
        except RefusedError as error:
            log.warning("message.refused", reason=str(error), tries=to.tries + 1, **told)
            changes |= {"status": Status.FAILED, "error": str(error)}
        except UnavailableError as error:
            log.warning("message.delayed", reason=str(error), tries=to.tries + 1, **told)
            changes |= {"error": str(error)}
        else:
            log.info("message.sent", tries=to.tries + 1, **told)
            changes |= {"status": Status.SENT, "error": "", "reference": reference}
        return to.model_copy(update=changes)

    async def _handed_over(self, message: Message, now: datetime) -> str:
        messenger = self._messengers.get(message.to.over)
        if messenger is None:
            raise RefusedError(f"there is no channel {message.to.over} in handrail.yaml any more")
        if isinstance(message, Asking):
            return await messenger.ask(message, now=now)
        return await messenger.tell(message, now=now)
