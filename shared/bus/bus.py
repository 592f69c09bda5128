"""One service's connection to the bus: the only way in and the only way out."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Final, Protocol

import nats.errors
import nats.js.errors
import structlog
from faststream import Context
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js import JetStreamContext
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry

from shared.bus.delivery import Delivery
from shared.bus.pull import Puller
from shared.bus.redelivery import DELAYS
from shared.bus.router import Router, Subscription
from shared.bus.streams import ACK_WAIT, declare_consumers, declare_streams, stream_of
from shared.bus.watch import Watch
from shared.bus.wiring import wired
from shared.errors import UnavailableError
from shared.events import Event

log = structlog.get_logger(__name__)

# More than one, since a client that tries many addresses may swallow one for each.
_CANCELLATIONS: Final = 3
# A publish is answered in under a millisecond; what takes longer than this is an outage.
PUBLISH_TIMEOUT: Final = timedelta(seconds=3)
RECONNECT_WAIT: Final = timedelta(seconds=1)
#: How many bytes may wait on a slow connection before what is only told is dropped.
BACKLOG_MOST: Final = 1024 * 1024
# How long handlers may go on after the service was told to stop.
GRACE: Final = timedelta(seconds=5)

_OUTAGE: Final = (nats.errors.Error, TimeoutError)


class Publish(Protocol):
    """Puts events on the bus.

    Returns when the stream has stored all of them. The same event may be published again: inside
    the stream's duplicate window it is kept once, and later handlers see that they know it.

    Raises:
        UnavailableError: at least one was not acknowledged in time.
    """

    async def __call__(self, *events: Event) -> None: ...


PublishDep = Annotated[Publish, Context("publish")]


class Bus:
    """The bus as one service sees it; nothing is opened before ``start``.

    Args:
        service: the name that durables, dead letters and events' sources carry.
        url: where the server is, or several of a cluster with commas between.
        tracer_provider: takes the spans.
        registry: takes the counters.
        replicas: how many servers keep each stream.
        ack_wait: after how long a message whose handler's process died goes to another.
        delays: the pauses between deliveries of a message that fails; see ``redelivery``.
        grace: how long handlers may go on once ``stop`` was called.
    """

    def __init__(
        self,
        service: str,
        *,
        url: str,
        tracer_provider: TracerProvider,
        registry: CollectorRegistry,
        replicas: int = 1,
        ack_wait: timedelta = ACK_WAIT,
        delays: Sequence[timedelta] = DELAYS,
        grace: timedelta = GRACE,
    ) -> None:
        self._service = service
        self._replicas = replicas
        self._ack_wait = ack_wait
        self._grace = grace
        self._pullers: list[Puller] = []
        self._subscriptions: list[Subscription] = []
        self._client: Client | None = None
        self._js: JetStreamContext | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._complaint = ""
        self._watch = Watch(tracer_provider, registry)
        delivery = partial(
            Delivery, service=service, stream=self.jetstream, watch=self._watch, delays=delays
        )
        self._broker = NatsBroker(
            servers(url),
            name=f"handrail-{service}",
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=int(RECONNECT_WAIT.total_seconds()),
            error_cb=self._log_error,
            disconnected_cb=self._log_disconnected,
            reconnected_cb=self._go_on,
            logger=None,
            # Handlers are wired when they are attached.
            apply_types=False,
            middlewares=(delivery,),
        )

    def attach(self, router: Router, dependencies: Mapping[str, Any]) -> None:
        """Take in what the router declares; handlers get the dependencies by their names.

        Raises:
            TypeError: a handler needs something that is not among them.
        """
        for subscription in router.subscriptions:
            self._subscribe(subscription, {"publish": self.publish, **dependencies})

    def _subscribe(self, subscription: Subscription, dependencies: Mapping[str, Any]) -> None:
        handler = wired(subscription.handler, dependencies)

        async def handle(decoded: Any) -> None:
            _bind_ids(decoded)
            await handler(decoded)

        puller = Puller(
            subscription,
            broker=self._broker,
            decode=subscription.decoded,
            declare=partial(self._declare, (subscription,)),
            grace=self._grace,
        )
        puller(handle, filter=_always)
        self._pullers.append(puller)
        self._subscriptions.append(subscription)

    async def connect(self) -> None:
        """Connect, waiting for a server that is not there yet, and declare streams and durables.

        Raises:
            UnavailableError: the server is there, but its JetStream does not answer.
        """
        self._client = await _cancellable(self._broker.connect())
        self._js = self._client.jetstream(timeout=PUBLISH_TIMEOUT.total_seconds())
        await self._declare(self._subscriptions)

    async def _declare(self, subscriptions: Sequence[Subscription]) -> None:
        js = self.jetstream()
        try:
            await declare_streams(js, replicas=self._replicas)
            for each in subscriptions:
                await declare_consumers(js, each.by, [each.subject], ack_wait=self._ack_wait)
        except _OUTAGE as error:
            raise UnavailableError(f"JetStream does not answer: {error!r}") from error

    async def start(self) -> None:
        """Begin to take messages in."""
        if self._client is None:
            await self.connect()
        self._keeper = asyncio.create_task(self._keep_alive())
        for puller in self._pullers:
            await puller.start()

    async def stop(self) -> None:
        """Stop taking messages in; what is not acknowledged comes again to somebody else."""
        await asyncio.gather(*(puller.stop() for puller in self._pullers))
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            if client.is_connected:
                # The last acknowledgements are on their way; without them, messages come again.
                with suppress(*_OUTAGE):
                    await client.flush(timeout=int(PUBLISH_TIMEOUT.total_seconds()))
            # What could not be sent to a lost server is no reason to fail now.
            with suppress(OSError):
                await client.close()

    def jetstream(self) -> JetStreamContext:
        """The stream context of the open connection."""
        if self._client is None or self._js is None:
            raise UnavailableError("the bus is not connected")
        return self._js

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def publish(self, *events: Event) -> None:
        """See ``Publish``."""
        if not self.connected:
            raise UnavailableError("the bus is not connected")
        if len(events) == 1:
            await self._send(events[0])
            return
        results = await asyncio.gather(*(self._send(e) for e in events), return_exceptions=True)
        for failure in results:
            if failure is not None:
                raise failure

    async def tell(self, subject: str, body: bytes) -> None:
        """Say something to whoever listens just now: at most once, and never waiting for it.

        Dropped where there is no connection, or it does not take in what was said before.
        """
        client = self._client
        if client is None or not client.is_connected or client.pending_data_size > BACKLOG_MOST:
            return
        with suppress(nats.errors.Error):
            await client.publish(subject, body)

    async def _send(self, event: Event) -> None:
        with self._watch.publishing(event, source=self._service) as headers:
            try:
                try:
                    await self._store(event, headers)
                except nats.js.errors.NoStreamResponseError:
                    # The server lost its disk, or another one took its place.
                    await self._declare(())
                    await self._store(event, headers)
            except _OUTAGE as error:
                raise UnavailableError(f"{event.subject} was not taken by the stream") from error

    async def _store(self, event: Event, headers: dict[str, str]) -> None:
        await self.jetstream().publish(
            event.subject, event.body(), stream=stream_of(event.subject), headers=headers
        )

    async def _keep_alive(self) -> None:
        """Say "in progress" for every message that is held, so that it is not handled twice."""
        while True:
            await asyncio.sleep(self._ack_wait.total_seconds() / 3)
            for message in [m for puller in self._pullers for m in puller.held.values()]:
                if not message.is_acked:
                    # A lost connection is seen by the client itself, which already reconnects.
                    with suppress(nats.errors.Error):
                        await message.in_progress()

    async def _go_on(self) -> None:
        log.info("bus.reconnected", service=self._service)
        self._complaint = ""
        for puller in self._pullers:
            puller.again()

    async def _log_disconnected(self) -> None:
        if self._client is not None:
            log.warning("bus.disconnected", service=self._service)

    async def _log_error(self, error: Exception) -> None:
        # The same one comes with every attempt to connect again.
        complaint = repr(error)
        if complaint != self._complaint:
            log.warning("bus.error", service=self._service, error=complaint)
        self._complaint = complaint


def servers(url: str) -> list[str]:
    """Each server of a cluster by its own URL, from `nats://user:secret@one:4222,two:4222`."""
    scheme, _, rest = url.partition("://")
    login, at, hosts = rest.rpartition("@")
    return [f"{scheme}://{login}{at}{host.strip('/')}" for host in hosts.split(",")]


async def _always(_message: object) -> bool:
    """FastStream would run a filter that is no coroutine in another thread."""
    return True


def _bind_ids(decoded: Any) -> None:
    """Put the session and the step into the log lines of this delivery."""
    for name in ("session_id", "step_id"):
        if (value := getattr(decoded, name, None)) is not None:
            structlog.contextvars.bind_contextvars(**{name: str(value)})


async def _cancellable(connecting: Coroutine[Any, Any, Client]) -> Client:
    """Wait for a connection; being cancelled ends that at once.

    While it tries one address after the other, the client may swallow a cancellation and go on.
    """
    task = asyncio.ensure_future(connecting)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        for _ in range(_CANCELLATIONS):
            task.cancel()
            done, _waiting = await asyncio.wait({task}, timeout=1)
            if done:
                break
        raise
    return task.result()
