"""What a service takes in, declared beside its handlers and attached to the bus in ``app.py``."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec

from nats.aio.msg import Msg

from shared.bus.streams import durable_name
from shared.events import Event

P = ParamSpec("P")
Handler = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Envelope:
    """A message as it came, for a reader that keeps events of kinds it does not know."""

    subject: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Subscription:
    """One durable of one service.

    It hands over an ``event`` at a time to each of its ``workers``, or up to ``batch`` envelopes.
    """

    subject: str
    by: str
    handler: Handler
    event: type[Event] | None = None
    workers: int = 1
    batch: int = 0

    @property
    def durable(self) -> str:
        return durable_name(self.by, self.subject)

    def decoded(self, messages: Sequence[Msg]) -> Event | list[Envelope]:
        """What the handler gets.

        Raises:
            MalformedEventError: a message is not the event that it should be.
        """
        if self.event is None:
            return [Envelope(raw.subject, raw.headers or {}, raw.data) for raw in messages]
        return self.event.read(messages[0].headers or {}, messages[0].data)


@dataclass
class Router:
    """The subscriptions of one service."""

    subscriptions: list[Subscription] = field(default_factory=list)


def consumes(
    router: Router,
    event: type[Event],
    *,
    by: str,
    workers: int = 32,
) -> Callable[[Callable[P, Awaitable[None]]], Callable[P, Awaitable[None]]]:
    """Let a handler take an event; at least once, so a second time must change nothing.

    The message is acknowledged when the handler returns. When it raises, the message comes again
    after a growing delay, and ends in ``dead.<service>``. The function itself is not changed.
    What it needs beside the event is given to ``Service.attach`` by name: a parameter that is
    ``Annotated`` with FastStream's ``Context("name")``, or has the name itself.

    Args:
        router: where the subscription is kept.
        event: the class of events; the handler gets a validated one as its first argument.
        by: the service's name.
        workers: how many messages one process handles at a time.
    """

    def keep(handler: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        subscription = Subscription(event.subject, by, handler, event=event, workers=workers)
        router.subscriptions.append(subscription)
        return handler

    return keep


def consumes_all(
    router: Router,
    family: str,
    *,
    by: str,
    batch: int = 100,
) -> Callable[[Callable[P, Awaitable[None]]], Callable[P, Awaitable[None]]]:
    """Let a handler take every event of a family, known or not, as a list of envelopes.

    The list has what is there just now, in the order of the stream, up to ``batch``. When the
    handler raises, it is called once more for each envelope alone, and only what fails then is
    tried again or given up: a second time must change nothing.
    """

    def keep(handler: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        router.subscriptions.append(Subscription(f"{family}.>", by, handler, batch=batch))
        return handler

    return keep
