"""A running service, from its start to its end."""

import asyncio
import gc
import socket
from contextlib import asynccontextmanager

import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploy.ports import free_port
from shared.bus import PublishDep, Router, consumes
from shared.errors import SettingsError, UnavailableError
from shared.events import TicketCreated, TicketTriaged
from shared.service import compose
from shared.settings import ServiceSettings
from tests.bus.samples import Seen, created, triaged, until


def composed(stack, name="triage", **changed):
    settings = ServiceSettings(
        **{
            "nats_url": stack.nats_url,
            "mongo_url": stack.mongo_url,
            "mongo_database": "test_service",
            **changed,
        }
    )
    return compose(name, settings, port=free_port(0))


@asynccontextmanager
async def running(service):
    """The service, running, and a client of its HTTP side."""
    task = asyncio.create_task(service.run())
    url = f"http://127.0.0.1:{service.port}"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def status(client, path):
    try:
        return (await client.get(path)).status_code
    except httpx.TransportError:
        return None


async def becomes(client, path, code):
    async def is_so():
        return await status(client, path) == code

    await until(is_so)


async def test_a_service_becomes_ready_and_says_what_it_counts(stack):
    service = composed(stack)
    async with running(service) as client:
        await becomes(client, "/readyz", 200)
        assert (await client.get("/readyz")).json() == {
            "started": True,
            "nats": True,
            "mongodb": True,
        }
        assert (await client.get("/healthz")).json() == {"status": "alive", "service": "triage"}
        metrics = await client.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert "process_resident_memory_bytes" in metrics.text
        assert "handrail_message_seconds" in metrics.text


async def test_a_service_is_alive_before_its_bus_is_there_and_ready_after(own_stack):
    bus = next(child for child in own_stack.children if child.name == "nats-server")
    await bus.stop()
    service = composed(own_stack)
    async with running(service) as client:
        await becomes(client, "/healthz", 200)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"started": False, "nats": False, "mongodb": True}
        await bus.start()
        await becomes(client, "/readyz", 200)
        await bus.stop()
        await becomes(client, "/readyz", 503)
        assert await status(client, "/healthz") == 200


async def test_what_a_service_prepares_is_waited_for_through_an_outage(stack):
    service, tries = composed(stack), Seen()

    async def prepare():
        await tries.add("try")
        if len(tries.items) == 1:
            raise UnavailableError("not yet")

    service.prepare.append(prepare)
    async with running(service) as client:
        await becomes(client, "/readyz", 200)
    assert len(tries.items) == 2


async def test_a_port_that_is_taken_stops_the_start_with_one_line(stack):
    service = composed(stack)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", service.port))
        taken.listen()
        with pytest.raises(SettingsError, match=f"127.0.0.1:{service.port} cannot be listened on"):
            await service.run()


async def test_a_stop_leaves_nothing_open(stack):
    service, seen = composed(stack), Seen()
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def handle(event: TicketCreated) -> None:
        await seen.add(event.id)

    async def closed():
        await seen.add("closed")

    service.attach(router)
    service.close.append(closed)
    before = len(asyncio.all_tasks())
    async with running(service) as client:
        await becomes(client, "/readyz", 200)
        await service.bus.publish(created())
        await seen.count(1)
    assert seen.items[-1] == "closed"
    assert not service.started.is_set()
    assert not service.bus.connected
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", service.port))

    async def tasks_ended():
        return len(asyncio.all_tasks()) <= before

    await until(tasks_ended)
    # What was forgotten shows as a warning now, and warnings are errors.
    gc.collect()


async def test_everything_is_closed_though_one_thing_cannot_be(stack):
    service, seen = composed(stack), Seen()

    async def breaks():
        raise OSError("no")

    async def closed():
        await seen.add("closed")

    service.close += [breaks, closed]
    async with running(service) as client:
        await becomes(client, "/readyz", 200)
    assert seen.items == ["closed"]
    assert not service.bus.connected


async def test_a_stop_before_the_bus_was_found_is_clean(own_stack):
    bus = next(child for child in own_stack.children if child.name == "nats-server")
    await bus.stop()
    service = composed(own_stack)
    async with running(service) as client:
        await becomes(client, "/healthz", 200)
    gc.collect()


async def test_loops_run_until_the_stop_and_one_that_breaks_stops_the_service(stack):
    service, seen = composed(stack), Seen()
    gate = asyncio.Event()

    async def waits():
        await seen.add("begun")
        await asyncio.Event().wait()

    async def breaks():
        await gate.wait()
        raise RuntimeError("broken")

    service.loops += [waits, breaks]
    task = asyncio.create_task(service.run())
    await seen.count(1)
    assert service.started.is_set()
    gate.set()
    with pytest.raises(ExceptionGroup) as caught:
        await task
    assert [str(error) for error in caught.value.exceptions] == ["broken"]
    assert not service.bus.connected


async def test_one_trace_goes_from_a_request_through_two_handlers(stack):
    service, seen = composed(stack, "ingest"), Seen()
    spans = InMemorySpanExporter()
    service.tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def judge(event: TicketCreated, publish: PublishDep) -> None:
        await publish(triaged(event))

    @consumes(router, TicketTriaged, by="planner")
    async def plan(event: TicketTriaged) -> None:
        await seen.add(event)

    @service.api.post("/webhook")
    async def webhook() -> None:
        await service.bus.publish(created())

    service.attach(router)
    async with running(service) as client:
        await becomes(client, "/readyz", 200)
        await client.post("/webhook")

        async def whole():
            # What others have published on these streams comes here, too: it has its own traces.
            ended = spans.get_finished_spans()
            mine = {span.context.trace_id for span in ended if span.name == "POST /webhook"}
            names = {span.name for span in ended if span.context.trace_id in mine}
            return len(mine) == 1 and {"ticket.created process", "ticket.triaged process"} <= names

        await until(whole)
