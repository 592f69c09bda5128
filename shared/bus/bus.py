"""One service's connection to the bus: the only way in and the only way out."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Protocol

import nats.errors
import nats.js.errors
import structlog
from faststream import AckPolicy, Context, ContextRepo
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.opentelemetry import NatsTelemetryMiddleware
from faststream.nats.prometheus import NatsPrometheusMiddleware
from nats.aio.client import Client
from nats.js import JetStreamContext
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry

from shared.bus.delivery import Delivery
from shared.bus.router import Router, Subscription, envelopes
from shared.bus.streams import ACK_WAIT, declare_consumers, declare_streams, stream_of
from shared.errors import UnavailableError
from shared.events import Event
from shared.events.envelope import attributes

log = structlog.get_logger(__name__)

# A publish is answered in under a millisecond; what takes longer than this is an outage.
PUBLISH_TIMEOUT = timedelta(seconds=3)
# How long a pull waits at the server. It is also how long a consumer that was deleted goes unseen.
PULL_TIMEOUT = timedelta(seconds=5)
BATCH_WINDOW = timedelta(seconds=0.2)
RECONNECT_WAIT = timedelta(seconds=1)


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
    """The bus as one service sees it; nothing is opened before ``start``."""

    def __init__(
        self,
        service: str,
        *,
        url: str,
        tracer_provider: TracerProvider,
        registry: CollectorRegistry,
        replicas: int = 1,
        ack_wait: timedelta = ACK_WAIT,
    ) -> None:
        self._service = service
        self._replicas = replicas
        self._ack_wait = ack_wait
        self._subscriptions: list[Subscription] = []
        self._in_flight: set[StreamMessage[Any]] = set()
        self._client: Client | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._context = ContextRepo()
        self._context.set_global("publish", self.publish)
        self._broker = NatsBroker(
            url,
            name=f"handrail-{service}",
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=int(RECONNECT_WAIT.total_seconds()),
            error_cb=_log_error,
            disconnected_cb=_log_disconnected,
            reconnected_cb=_log_reconnected,
            decoder=_decode,
            logger=None,
            context=self._context,
            # The outermost first: a span around the delivery, the counters next to the handler.
            middlewares=(
                NatsTelemetryMiddleware(tracer_provider=tracer_provider),
                partial(
                    Delivery, service=service, stream=self.jetstream, in_flight=self._in_flight
                ),
                NatsPrometheusMiddleware(registry=registry, app_name=service),
            ),
        )

    def attach(self, router: Router, dependencies: Mapping[str, Any]) -> None:
        """Take in what the router declares; handlers get the dependencies by their names."""
        for name, value in dependencies.items():
            self._context.set_global(name, value)
        for subscription in router.subscriptions:
            self._subscriptions.append(subscription)
            self._subscribe(subscription)

    def _subscribe(self, subscription: Subscription) -> None:
        stream = JStream(stream_of(subscription.subject), declare=False)
        if subscription.batch:
            subscriber: Any = self._broker.subscriber(
                subscription.subject,
                stream=stream,
                durable=subscription.durable,
                pull_sub=PullSub(
                    batch_size=subscription.batch,
                    timeout=BATCH_WINDOW.total_seconds(),
                    batch=True,
                ),
                decoder=_decode_batch,
                ack_policy=AckPolicy.MANUAL,
            )
        else:
            subscriber = self._broker.subscriber(
                subscription.subject,
                stream=stream,
                durable=subscription.durable,
                # One message a pull: a larger pull waits for the rest of its messages.
                pull_sub=PullSub(batch_size=1, timeout=PULL_TIMEOUT.total_seconds()),
                max_workers=max(2, subscription.workers),
                ack_policy=AckPolicy.MANUAL,
            )
        subscriber(subscription.handler)

    async def connect(self) -> None:
        """Connect, waiting for a server that is not there yet, and declare streams and durables."""
        self._client = await self._broker.connect()
        js = self.jetstream()
        await declare_streams(js, replicas=self._replicas)
        subjects = [s.subject for s in self._subscriptions]
        await declare_consumers(js, self._service, subjects, ack_wait=self._ack_wait)

    async def start(self) -> None:
        """Begin to take messages in."""
        if self._client is None:
            await self.connect()
        self._keeper = asyncio.create_task(self._keep_alive())
        await self._broker.start()

    async def stop(self) -> None:
        """Stop taking messages in; what is not acknowledged comes again to somebody else."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._broker.stop()
        self._client = None

    def jetstream(self) -> JetStreamContext:
        """The stream context of the open connection."""
        if self._client is None:
            raise UnavailableError("the bus is not connected")
        return self._client.jetstream(timeout=PUBLISH_TIMEOUT.total_seconds())

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def publish(self, *events: Event) -> None:
        """See ``Publish``."""
        if not self.connected:
            raise UnavailableError("the bus is not connected")
        if len(events) == 1:
            await self._send(events[0])
        else:
            await asyncio.gather(*(self._send(event) for event in events))

    async def _send(self, event: Event) -> None:
        try:
            await self._broker.publish(
                event.body(),
                event.subject,
                headers=event.headers(source=self._service),
                stream=stream_of(event.subject),
                timeout=PUBLISH_TIMEOUT.total_seconds(),
            )
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise UnavailableError(f"{event.subject} was not taken by the stream") from error

    async def _keep_alive(self) -> None:
        """Say "in progress" for every handler that runs, so that it does not run twice."""
        while True:
            await asyncio.sleep(self._ack_wait.total_seconds() / 3)
            for message in list(self._in_flight):
                # A lost connection is seen by the client itself, which is already reconnecting.
                with suppress(nats.errors.Error):
                    await message.in_progress()  # type: ignore[attr-defined]


async def _decode(message: StreamMessage[Any]) -> dict[str, Any]:
    return attributes(message.headers, message.body)


async def _decode_batch(message: StreamMessage[Any]) -> Any:
    return envelopes(message.raw_message)


async def _log_error(error: Exception) -> None:
    log.warning("bus.error", error=repr(error))


async def _log_disconnected() -> None:
    log.warning("bus.disconnected")


async def _log_reconnected() -> None:
    log.info("bus.reconnected")
