"""Spans and counters of the bus."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry

from shared.bus import PublishDep, Router, consumes, consumes_all
from shared.errors import PermanentError
from shared.events import TicketCreated, TicketTriaged
from shared.telemetry import continued, current_trace
from tests.bus.samples import created, triaged, until


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans):
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(spans))
    return made


async def ended(spans, *names):
    """The finished spans, once all these are there."""

    async def all_there():
        found = {span.name: span for span in spans.get_finished_spans()}
        return found if set(names) <= set(found) else None

    return await until(all_there)


def a_chain(seen):
    """Two services' handlers, the second fed by the first."""
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def judge(event: TicketCreated, publish: PublishDep) -> None:
        await publish(triaged(event))

    @consumes(router, TicketTriaged, by="planner")
    async def plan(event: TicketTriaged) -> None:
        await seen.add(current_trace())

    return router


async def test_one_trace_goes_through_publish_handler_publish_handler(
    running, seen, provider, spans
):
    bus = await running("triage", a_chain(seen), tracer_provider=provider)
    with provider.get_tracer("test").start_as_current_span("webhook"):
        await bus.publish(created())
    await seen.count(1)
    by_name = await ended(
        spans,
        "webhook",
        "ticket.created publish",
        "ticket.created process",
        "ticket.triaged publish",
        "ticket.triaged process",
    )
    chain = list(by_name.values())
    assert len(chain) == 5
    assert len({span.context.trace_id for span in chain}) == 1
    lineage = [
        ("ticket.created publish", "webhook"),
        ("ticket.created process", "ticket.created publish"),
        ("ticket.triaged publish", "ticket.created process"),
        ("ticket.triaged process", "ticket.triaged publish"),
    ]
    for child, parent in lineage:
        assert by_name[child].parent.span_id == by_name[parent].context.span_id
    assert by_name["ticket.created publish"].kind is SpanKind.PRODUCER
    assert by_name["ticket.created process"].kind is SpanKind.CONSUMER


async def test_a_stored_trace_is_gone_on_with(running, seen, provider):
    bus = await running("triage", a_chain(seen), tracer_provider=provider)
    stored = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with (
        provider.get_tracer("test").start_as_current_span("a click, with a trace of its own"),
        continued(stored),
    ):
        await bus.publish(created())
    (seen_there,) = await seen.count(1)
    assert seen_there.split("-")[1] == stored.split("-")[1]


async def test_a_message_without_a_trace_begins_one(js, running, seen, provider):
    await running("triage", a_chain(seen), tracer_provider=provider)
    event = created()
    await js.publish(event.subject, event.body(), headers=event.headers(source="ingest"))
    (seen_there,) = await seen.count(1)
    assert seen_there.startswith("00-")


async def test_a_failed_delivery_shows_in_its_span(running, provider, spans):
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def fails(event: TicketCreated) -> None:
        raise PermanentError("no such thing")

    bus = await running("triage", router, tracer_provider=provider)
    await bus.publish(created())
    span = (await ended(spans, "ticket.created process"))["ticket.created process"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.events[0].attributes["exception.message"] == "no such thing"


async def test_messages_are_counted_by_what_became_of_them(js, running, seen):
    registry, router = CollectorRegistry(), Router()

    @consumes(router, TicketCreated, by="triage")
    async def handle(event: TicketCreated) -> None:
        await seen.add(event.alert.name)
        if event.alert.name == "Bad":
            raise RuntimeError("always")

    bus = await running("triage", router, registry=registry)
    await bus.publish(created("Good"), created("Good"), created("Bad"))

    def count(outcome):
        labels = {"subject": "ticket.created", "outcome": outcome}
        return registry.get_sample_value("handrail_messages_total", labels)

    async def all_counted():
        return count("dead")

    await until(all_counted)
    assert (count("handled"), count("retried"), count("dead")) == (2, 2, 1)
    seconds = registry.get_sample_value(
        "handrail_message_seconds_count", {"subject": "ticket.created"}
    )
    assert seconds == 5


async def test_a_batch_that_was_split_is_counted_once_by_message(running, seen):
    registry, router = CollectorRegistry(), Router()

    @consumes_all(router, "ticket", by="console")
    async def record(envelopes) -> None:
        if len(envelopes) > 1:
            raise RuntimeError("not all at once")
        await seen.add(envelopes)

    bus = await running("ingest")
    await bus.publish(*(created() for _ in range(10)))
    await running("console", router, registry=registry)
    await seen.count(10)

    def count(outcome):
        labels = {"subject": "ticket.created", "outcome": outcome}
        return registry.get_sample_value("handrail_messages_total", labels)

    async def all_counted():
        return count("handled") == 10

    await until(all_counted)
    assert count("retried") is None
