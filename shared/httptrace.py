"""A span around each HTTP request, and a counter; cheap enough for a storm of webhooks.

OpenTelemetry's own instrumentation of FastAPI costs more than the rest of a request (510 of 930
microseconds of a webhook here). The attributes are those of its semantic conventions for HTTP
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/); of the path only the route is told,
since a path may hold what nobody may read, such as an approval link.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_SERVER_ERRORS: Final = 500
_NO_ROUTE: Final = "unmatched"


class HttpTrace:
    """ASGI middleware. Probes are left out: they come every second and say nothing."""

    def __init__(
        self, app: ASGIApp, *, tracer_provider: TracerProvider, registry: CollectorRegistry
    ) -> None:
        self._app = app
        self._tracer = tracer_provider.get_tracer("handrail.http")
        self._seconds = Histogram(
            "handrail_http_request_seconds",
            "HTTP requests, by route and status.",
            ("method", "route", "status"),
            registry=registry,
            buckets=_BUCKETS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        status = _SERVER_ERRORS

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"]
        began = time.perf_counter()
        with self._tracer.start_as_current_span(
            method,
            context=_PROPAGATOR.extract(_headers(scope)),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
        ) as span:
            try:
                await self._app(scope, receive, note)
            finally:
                route = _route(scope)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= _SERVER_ERRORS:
                    span.set_status(Status(StatusCode.ERROR))
                seconds = time.perf_counter() - began
                self._seconds.labels(method, route, str(status)).observe(seconds)


def _headers(scope: Scope) -> Mapping[str, str]:
    """The only header that is read."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return {"traceparent": value.decode("latin-1")}
    return {}


def _route(scope: Scope) -> str:
    """The pattern that the path matched; a plain Starlette route is told by its parameters."""
    route: Any = scope.get("route")
    if route is not None:
        return str(route.path)
    if "endpoint" not in scope:
        return _NO_ROUTE
    names = {str(value): name for name, value in scope.get("path_params", {}).items()}
    parts = scope["path"].split("/")
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in parts)
