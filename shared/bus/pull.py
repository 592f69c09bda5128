"""How messages are taken from the server: as many as can be handled now, without an end."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, Final

import nats.errors
import structlog
from faststream.message import StreamMessage
from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases.basic import DefaultSubscriber
from nats.aio.msg import Msg

from shared.bus.pipeline import declared
from shared.bus.router import Subscription
from shared.bus.streams import stream_of
from shared.errors import UnavailableError

log = structlog.get_logger(__name__)

# How long a request for messages stays open at the server, and how often the server says that it
# still knows of it. After the silence it is taken to be forgotten.
EXPIRES: Final = timedelta(seconds=30)
HEARTBEAT: Final = timedelta(seconds=2)
SILENCE: Final = timedelta(seconds=5)
# The pause before a consumer that is gone is declared again.
HEAL_PAUSE: Final = timedelta(seconds=0.3)

_HEARTBEAT: Final = "100"
_EXPIRED: Final = ("404", "408")


class Puller(DefaultSubscriber[list[Msg]]):
    """One durable's subscriber in FastStream's pipeline, with another way of getting messages.

    FastStream's own pull loop takes one message more than it has workers for, which waits where
    nobody says "in progress" for it and so runs twice; it makes a round trip for each message; and
    when the consumer is deleted it asks in vain for ever. This one asks for as many as have a free
    place, holds what it got (``held``) until it is settled, and has a lost consumer declared again.

    Args:
        subscription: what to take in; the places are its workers, or one batch of its size.
        broker: FastStream's broker, whose connection and middlewares are used.
        decode: makes what the handler gets out of the messages.
        declare: makes the stream and the durable when they are gone.
        grace: how long handlers may go on once the service stops, before they are cancelled.
    """

    def __init__(
        self,
        subscription: Subscription,
        *,
        broker: NatsBroker,
        decode: Callable[[list[Msg]], Any],
        declare: Callable[[], Awaitable[None]],
        grace: timedelta,
    ) -> None:
        self.held: dict[str, Msg] = {}
        self._durable = subscription.durable
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream_of(subscription.subject)}.{self._durable}"
        self._lanes = 1 if subscription.batch else subscription.workers
        self._most = subscription.batch or 1
        self._capacity = self._lanes * self._most
        self._decode_messages = decode
        self._declare = declare
        self._grace = grace
        self._waiting: list[Msg] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._asking: asyncio.Task[None] | None = None
        # How many messages the server may still send for the requests since `_first`.
        self._open = 0
        self._numbers = count(1)
        self._first = 1
        self._inbox = ""
        self._lost = ""
        self._healing = False
        self._heard = 0.0
        self._wake = asyncio.Event()
        super().__init__(*declared(subscription.subject, broker, self._parse, self._decode))

    def again(self) -> None:
        """Forget the open requests, which the server did when the connection was lost."""
        self._forget()
        self._wake.set()

    async def stop(self) -> None:
        """Take nothing more, let handlers end, then cancel them; give back what is not handled."""
        self.running = False
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        if self.subscription is not None:
            with suppress(nats.errors.Error):
                await self.subscription.drain()  # type: ignore[attr-defined]
            self.subscription = None
        for message in self._waiting:
            await _give_back(message)
        self._waiting.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._grace.total_seconds())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.held.clear()

    async def get_one(self, *, timeout: float = 5) -> None:  # noqa: ASYNC109 FastStream's signature
        raise NotImplementedError("a puller hands its messages to its handler")

    async def __aiter__(self) -> Any:
        raise NotImplementedError("a puller hands its messages to its handler")
        yield

    async def _create_subscription(self) -> None:
        self._inbox = self.connection.new_inbox()
        self.subscription = await self.connection.subscribe(f"{self._inbox}.*", cb=self._arrived)
        self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        """Keep requests open for all places that are free."""
        while True:
            if self._lost:
                await self._heal()
            free = self._capacity - len(self.held) - self._open
            # Not for each place alone: half of them at a time is one round trip for many.
            if free >= max(1, self._capacity // 2) and self.connection.is_connected:
                await self._request(free)
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENCE.total_seconds()):
                    await self._wake.wait()
            if self._open and _now() - self._heard > SILENCE.total_seconds():
                self._forget()

    async def _request(self, number: int) -> None:
        wanted = {
            "batch": number,
            "expires": int(EXPIRES.total_seconds() * 1e9),
            "idle_heartbeat": int(HEARTBEAT.total_seconds() * 1e9),
        }
        self._open += number
        self._heard = _now()
        reply = f"{self._inbox}.{next(self._numbers)}"
        with suppress(nats.errors.Error):
            await self.connection.publish(self._next, json.dumps(wanted).encode(), reply=reply)

    def _forget(self) -> None:
        self._open = 0
        self._first = next(self._numbers) + 1

    async def _heal(self) -> None:
        """Declare the consumer again: it, or its whole stream, is gone."""
        if not self._healing:
            log.warning("consumer.lost", durable=self._durable, reason=self._lost)
        self._healing = True
        await asyncio.sleep(HEAL_PAUSE.total_seconds())
        try:
            await self._declare()
        except UnavailableError as error:
            self._lost = str(error)
            self._wake.set()
        else:
            self._lost = ""

    def _found(self) -> None:
        if self._healing:
            log.info("consumer.found", durable=self._durable)
        self._healing = False

    async def _arrived(self, message: Msg) -> None:
        """Take what the server sent: a message, or word about a request."""
        self._heard = _now()
        if not message.reply:
            self._told(message)
        elif self.running:
            self._found()
            self._open = max(0, self._open - 1)
            self.held[message.reply] = message
            self._waiting.append(message)
            self._begin()
        else:
            await _give_back(message)

    def _told(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        number = message.subject.rsplit(".", 1)[-1]
        if int(number) < self._first:
            return
        if status == _HEARTBEAT:
            self._found()
            return
        if status in _EXPIRED:
            self._open = max(0, self._open - int(headers.get("Nats-Pending-Messages", "0")))
        else:
            self._forget()
            self._lost = headers.get("Description", "").strip() or f"status {status}"
        self._wake.set()

    def _begin(self) -> None:
        while self._waiting and len(self._tasks) < self._lanes:
            group = self._waiting[: self._most]
            del self._waiting[: self._most]
            task = asyncio.create_task(self.process_message(group))
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, group))

    def _ended(self, group: list[Msg], task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        for message in group:
            self.held.pop(message.reply, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("delivery.broken", durable=self._durable, exc_info=error)
        if self.running:
            self._begin()
            self._wake.set()

    async def _parse(self, messages: list[Msg]) -> StreamMessage[list[Msg]]:
        first = messages[0]
        headers = first.headers or {}
        return StreamMessage(
            messages,
            first.data,
            headers=headers,
            correlation_id=headers.get("ce-id"),
        )

    async def _decode(self, message: StreamMessage[list[Msg]]) -> Any:
        return self._decode_messages(message.raw_message)


async def _give_back(message: Msg) -> None:
    """Let somebody else have the message at once."""
    with suppress(nats.errors.Error):
        await message.nak()


def _now() -> float:
    return asyncio.get_running_loop().time()
