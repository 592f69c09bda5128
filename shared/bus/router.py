"""What a service takes in, declared beside its handlers and attached to the bus in ``app.py``."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from shared.bus.streams import durable_name
from shared.events import Event

P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Envelope:
    """A message as it came, for a reader that keeps events of kinds it does not know."""

    subject: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Subscription:
    """One durable of one service. ``batch`` is how many envelopes are handed over at a time."""

    subject: str
    by: str
    handler: Handler
    workers: int = 1
    batch: int = 0

    @property
    def durable(self) -> str:
        return durable_name(self.by, self.subject)


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

    Args:
        router: where the subscription is kept.
        event: the class of events; the handler gets a validated one as its first argument.
        by: the service's name.
        workers: how many messages one process handles at a time.
    """

    def keep(handler: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        router.subscriptions.append(Subscription(event.subject, by, handler, workers=workers))
        return handler

    return keep


def consumes_all(
    router: Router,
    family: str,
    *,
    by: str,
    batch: int = 100,
) -> Callable[[Callable[P, Awaitable[None]]], Callable[P, Awaitable[None]]]:
    """Let a handler take every event of a family, known or not, as a list of envelopes."""

    def keep(handler: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
        router.subscriptions.append(Subscription(f"{family}.>", by, handler, batch=batch))
        return handler

    return keep


def envelopes(raw_messages: list[Any]) -> list[Envelope]:
    """A batch of NATS messages as envelopes."""
    return [Envelope(raw.subject, raw.headers or {}, raw.data) for raw in raw_messages]
