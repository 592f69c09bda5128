"""Hands messages to channels: each recipient on their own, and nobody twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import structlog

from services.notifier.channels.message import Asking, Message, about
from services.notifier.channels.messenger import Messenger, NotConcernedError, RefusedError
from services.notifier.links import Channel
from services.notifier.recipients import Recipient, Status
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)


@runtime_checkable
class Gathering(Protocol):
    """A channel on which several questions can come together, so that people are called once."""

    async def gather(self, askings: Sequence[Asking], *, now: datetime) -> str:
        """Deliver several questions to one recipient; see ``Messenger.ask``."""
        ...


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

    def gathers(self, to: Recipient) -> bool:
        """Whether several questions to this recipient can come together."""
        if to.channel is Channel.TERMINAL:
            return False
        return isinstance(self._messengers.get(to.over), Gathering)

    async def gather(self, askings: Sequence[Asking], *, now: datetime) -> tuple[Recipient, ...]:
        """Send several questions to one recipient in one message; what came of it, of each.

        Whoever calls this stores it.
        """
        first = askings[0]
        messenger = self._messengers.get(first.to.over)
        if not isinstance(messenger, Gathering):
            raise TypeError(f"{first.to.over} takes one question at a time")
        changes = await self._outcome(first, now, lambda: messenger.gather(askings, now=now))
        return tuple(asking.to.model_copy(update=changes) for asking in askings)

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
        return message.to.model_copy(
            update=await self._outcome(message, now, lambda: self._handed_over(message, now))
        )

    async def _outcome(
        self, message: Message, now: datetime, send: Callable[[], Awaitable[str]]
    ) -> dict[str, object]:
        """What a try changes of the recipient."""
        to = message.to
        told = {"recipient": to.email, "channel": to.over, "about": str(about(message))}
        changes: dict[str, object] = {"tries": to.tries + 1, "at": now}
        try:
            reference = await send()
        except NotConcernedError as error:
            changes |= {"status": Status.SKIPPED, "error": str(error)}
        except RefusedError as error:
            log.warning("message.refused", reason=str(error), tries=to.tries + 1, **told)
            changes |= {"status": Status.FAILED, "error": str(error)}
        except UnavailableError as error:
            log.warning("message.delayed", reason=str(error), tries=to.tries + 1, **told)
            changes |= {"error": str(error)}
        else:
            log.info("message.sent", tries=to.tries + 1, **told)
            changes |= {"status": Status.SENT, "error": "", "reference": reference}
        return changes

    async def _handed_over(self, message: Message, now: datetime) -> str:
        messenger = self._messengers.get(message.to.over)
        if messenger is None:
            raise RefusedError(f"there is no channel {message.to.over} in handrail.yaml any more")
        if isinstance(message, Asking):
            return await messenger.ask(message, now=now)
        return await messenger.tell(message, now=now)
