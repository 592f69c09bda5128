"""Spans and counters of HTTP requests."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse

from shared.httptrace import HttpTrace
from shared.telemetry import tracer_provider

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def seen():
    return InMemorySpanExporter()


@pytest.fixture
async def client(seen):
    provider, registry = tracer_provider("test"), CollectorRegistry()
    provider.add_span_processor(SimpleSpanProcessor(seen))
    app, router = FastAPI(), APIRouter()
    app.add_middleware(HttpTrace, tracer_provider=provider, registry=registry)

    async def plain(_request):
        return JSONResponse({})

    @router.get("/a/{token}")
    async def with_parameters(token: str):
        return {}

    @app.get("/broken")
    async def broken():
        raise RuntimeError

    @app.get("/healthz")
    async def probe():
        return {}

    router.add_route("/hooks/{name}", plain, methods=["POST"])
    app.include_router(router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        made.registry = registry
        yield made


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/a/secret-token", "GET /a/{token}"),
        ("POST", "/hooks/grafana", "POST /hooks/{name}"),
        ("GET", "/nowhere/secret-token", "GET unmatched"),
    ],
)
async def test_a_request_is_told_by_its_route_and_never_by_its_path(
    client, seen, method, path, name
):
    await client.request(method, path)
    span = seen.get_finished_spans()[0]
    assert (span.name, span.kind) == (name, SpanKind.SERVER)
    assert "secret-token" not in str(dict(span.attributes))


async def test_a_span_goes_on_in_the_trace_of_the_caller(client, seen):
    await client.get("/a/x", headers={"traceparent": PARENT})
    span = seen.get_finished_spans()[0]
    assert format(span.context.trace_id, "032x") == PARENT.split("-")[1]
    assert format(span.parent.span_id, "016x") == PARENT.split("-")[2]


async def test_an_error_is_one_in_the_span_and_in_the_counter(client, seen):
    await client.get("/broken")
    assert seen.get_finished_spans()[0].status.status_code is StatusCode.ERROR
    labels = {"method": "GET", "route": "/broken", "status": "500"}
    count = client.registry.get_sample_value("handrail_http_request_seconds_count", labels)
    assert count == 1


async def test_probes_are_left_out(client, seen):
    await client.get("/healthz")
    assert seen.get_finished_spans() == ()
