"""What the bus says about itself: a span around each publish and each delivery, and counters.

FastStream's own middlewares for both cost more than the whole rest of a delivery.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from nats.aio.msg import Msg
from opentelemetry import trace
from opentelemetry.trace import SpanKind, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.events import Event

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120)


class Outcome(StrEnum):
    """What became of a delivered message."""

    HANDLED = "handled"
    RETRIED = "retried"
    DEAD = "dead"
    RETURNED = "returned"


@dataclass
class Seen:
    """A delivery that is being watched; who handles it says what became of it.

    Without an outcome it is not counted: its messages go on one by one.
    """

    outcome: Outcome | None = None


class Watch:
    """Spans and counters of one service's bus."""

    def __init__(self, tracer_provider: TracerProvider, registry: CollectorRegistry) -> None:
        self._tracer = tracer_provider.get_tracer("handrail.bus")
        messages = Counter(
            "handrail_messages",
            "Messages that were delivered, by what became of them.",
            ("subject", "outcome"),
            registry=registry,
        )
        seconds = Histogram(
            "handrail_message_seconds",
            "From the delivery of a message to its acknowledgement.",
            ("subject",),
            registry=registry,
            buckets=_BUCKETS,
        )
        self._messages = cache(messages.labels)
        self._seconds = cache(seconds.labels)

    @contextmanager
    def publishing(self, event: Event, *, source: str) -> Iterator[dict[str, str]]:
        """Spans a publish; gives the message's headers, with the trace in them."""
        headers = event.headers(source=source)
        with self._tracer.start_as_current_span(
            f"{event.subject} publish",
            kind=SpanKind.PRODUCER,
            attributes=_attributes(event.subject, headers["ce-id"], "publish"),
        ):
            _PROPAGATOR.inject(headers)
            yield headers

    @contextmanager
    def processing(self, messages: Sequence[Msg]) -> Iterator[Seen]:
        """Spans and counts a delivery, in the trace that its message belongs to.

        A batch has a trace of its own, since its messages have many.
        """
        first = messages[0]
        headers = first.headers or {}
        alone = len(messages) == 1
        seen, begun = Seen(), time.perf_counter()
        subject = first.subject if alone else f"{first.subject.split('.', 1)[0]}.>"
        attributes = _attributes(subject, headers.get("ce-id", "") if alone else "", "process")
        if not alone:
            attributes["messaging.batch.message_count"] = len(messages)
        try:
            with self._tracer.start_as_current_span(
                f"{subject} process",
                kind=SpanKind.CONSUMER,
                context=_PROPAGATOR.extract(headers) if alone else None,
                attributes=attributes,
            ):
                yield seen
        finally:
            if seen.outcome is not None:
                self._messages(subject, seen.outcome.value).inc(len(messages))
                self._seconds(subject).observe(time.perf_counter() - begun)


def _attributes(subject: str, message_id: str, operation: str) -> dict[str, str | int]:
    """Named as OpenTelemetry's conventions for messaging name them."""
    attributes: dict[str, str | int] = {
        "messaging.system": "nats",
        "messaging.destination.name": subject,
        "messaging.operation.type": operation,
    }
    if message_id:
        attributes["messaging.message.id"] = message_id
    return attributes


def record_error(error: Exception) -> None:
    """Note on the span of what runs now that it failed."""
    span = trace.get_current_span()
    span.record_exception(error)
    span.set_status(trace.StatusCode.ERROR, type(error).__name__)
