"""Traces, logs and counters: what every service says about itself."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.typing import EventDict, WrappedLogger

_PROPAGATOR = TraceContextTextMapPropagator()
_OTLP_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def tracer_provider(service: str) -> TracerProvider:
    """A service's spans; exported by OTLP when OpenTelemetry's own variables name where.

    Where they go nowhere they are not recorded, which costs a third as much: trace ids are made and
    passed on all the same. ``OTEL_TRACES_SAMPLER`` decides otherwise, as in all of OpenTelemetry.
    """
    exported = any(os.environ.get(name) for name in _OTLP_VARIABLES)
    recorded = exported or "OTEL_TRACES_SAMPLER" in os.environ
    provider = TracerProvider(
        resource=Resource.create({"service.namespace": "handrail", "service.name": service}),
        sampler=None if recorded else ALWAYS_OFF,
        shutdown_on_exit=False,
    )
    if exported:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def current_trace() -> str:
    """The W3C ``traceparent`` of what runs now, to be stored beside what it leads to."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


@contextmanager
def continued(traceparent: str) -> Iterator[None]:
    """Go on in a stored trace, so that work done later belongs to the same one.

    What called (a person's click, a timer) stays findable: a span that is active now and belongs to
    another trace is left as it is, for its own trace.
    """
    token = context.attach(_PROPAGATOR.extract({"traceparent": traceparent}))
    try:
        yield
    finally:
        context.detach(token)


def configure_logs(*, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Write logs as JSON lines, those of libraries too, with the ids of what is being handled."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    render: list[Any] = [
        # Without local variables: they hold passwords and links.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        structlog.processors.JSONRenderer(default=str),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        ),
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # They say on every request what the spans and counters say already.
    for chatty in ("uvicorn.access", "httpx", "asyncssh", "opentelemetry"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:2],
            *shared[3:],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = format(span.trace_id, "032x")
        event["span_id"] = format(span.span_id, "016x")
    return event
