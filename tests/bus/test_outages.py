"""The server goes away, comes back, or forgets."""

import asyncio
import os
import shutil
import signal
from contextlib import AsyncExitStack

import pytest

from deploy.ports import free_port
from deploy.servers import nats_program, nats_url
from deploy.supervisor import Child
from shared.bus import Router, consumes, consumes_all
from shared.errors import UnavailableError
from shared.events import TicketCreated
from tests.bus.samples import created, make_bus, until


@pytest.fixture
async def server(tmp_path):
    """A NATS server that the test may stop and start."""
    port = free_port(0)
    program = nats_program(tmp_path, port)
    child = Child(program.name, program.command, output=program.log, ready=program.ready)
    child.url, child.data = nats_url(port), program.data
    await child.start()
    yield child
    await child.stop()


@pytest.fixture
async def bus(server, seen):
    """A service's bus on that server, whose handler keeps what it gets."""
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def keep(event: TicketCreated) -> None:
        await seen.add(event.id)

    async with AsyncExitStack() as exits:
        made = make_bus("triage", server.url)
        made.attach(router, {})
        exits.push_async_callback(made.stop)
        await made.start()
        yield made


async def published(bus, event):
    """Publish as soon as the server takes it."""

    async def taken():
        try:
            await bus.publish(event)
        except UnavailableError:
            return False
        return True

    await until(taken)
    return event.id


async def test_publish_says_so_at_once_when_the_server_is_gone_and_works_when_it_is_back(
    server, bus, seen
):
    first = await published(bus, created())
    await server.stop()
    await until(lambda: _is(not bus.connected))
    async with asyncio.timeout(0.5):
        with pytest.raises(UnavailableError):
            await bus.publish(created(), created())

    await server.start()
    second = await published(bus, created())
    assert {first, second} <= set(await seen.count(2))


async def test_a_subscription_goes_on_after_the_server_was_killed(server, bus, seen, logs):
    await published(bus, created())
    await seen.count(1)
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: _is(not bus.connected))
    again = await published(bus, created())
    async with asyncio.timeout(30):
        assert (await seen.count(2))[-1] == again
    assert "bus.reconnected" in {line["event"] for line in logs}


async def test_a_handler_that_was_running_when_the_server_died_is_acknowledged_after_it(
    server, seen
):
    gate, router = asyncio.Event(), Router()

    @consumes(router, TicketCreated, by="triage")
    async def wait(event: TicketCreated) -> None:
        await seen.add(event.id)
        await gate.wait()

    bus = make_bus("triage", server.url)
    bus.attach(router, {})
    await bus.start()
    try:
        await published(bus, created())
        await seen.count(1)
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: _is(not bus.connected))
        gate.set()
        await until(lambda: _is(bus.connected))

        async def acknowledged():
            info = await bus.jetstream().consumer_info("TICKETS", "triage-ticket-created")
            return info.ack_floor.stream_seq == 1

        await until(acknowledged)
        assert len(seen.items) == 1
    finally:
        await bus.stop()


async def test_a_durable_that_somebody_deleted_comes_back(bus, seen, logs):
    await published(bus, created())
    await seen.count(1)
    await bus.jetstream().delete_consumer("TICKETS", "triage-ticket-created")
    event = created()
    await published(bus, event)
    async with asyncio.timeout(5):
        while event.id not in seen.items:
            await seen.count(len(seen.items) + 1)
    lost = [line for line in logs if line["event"] == "consumer.lost"]
    assert [(line["durable"], line["reason"]) for line in lost] == [
        ("triage-ticket-created", "Consumer Deleted")
    ]


async def test_a_stream_that_somebody_deleted_comes_back_with_its_durables(bus, seen):
    await published(bus, created())
    await seen.count(1)
    await bus.jetstream().delete_stream("TICKETS")
    event = created()
    await published(bus, event)
    assert (await seen.count(2))[-1] == event.id


async def test_a_server_that_lost_its_disk_is_declared_anew(server, bus, seen):
    await published(bus, created())
    await seen.count(1)
    await server.stop()
    shutil.rmtree(server.data)
    await server.start()
    event = created()
    await published(bus, event)
    assert (await seen.count(2))[-1] == event.id


async def test_a_service_that_only_publishes_declares_a_lost_stream_too(server):
    bus = make_bus("ingest", server.url)
    await bus.start()
    try:
        await bus.jetstream().delete_stream("TICKETS")
        await bus.publish(created())
        assert (await bus.jetstream().stream_info("TICKETS")).state.messages == 1
    finally:
        await bus.stop()


async def test_a_batch_durable_comes_back_too(server, seen):
    router = Router()

    @consumes_all(router, "ticket", by="console")
    async def record(envelopes) -> None:
        for envelope in envelopes:
            await seen.add(envelope.headers["ce-id"])

    bus = make_bus("console", server.url)
    bus.attach(router, {})
    await bus.start()
    try:
        await bus.jetstream().delete_consumer("TICKETS", "console-ticket-all")
        event = created()
        await published(bus, event)
        assert await seen.count(1) == [str(event.id)]
    finally:
        await bus.stop()


async def test_a_bus_waits_for_a_server_that_is_not_there_yet(server, logs):
    await server.stop()
    bus = make_bus("triage", server.url)
    starting = asyncio.create_task(bus.start())
    await until(lambda: _is(any(line["event"] == "bus.error" for line in logs)))
    assert not bus.connected
    with pytest.raises(UnavailableError):
        await bus.publish(created())
    await server.start()
    await starting
    await bus.publish(created())
    await bus.stop()


async def test_a_bus_stops_while_the_server_is_away(server, bus):
    await server.stop()
    await until(lambda: _is(not bus.connected))
    async with asyncio.timeout(3):
        await bus.stop()


async def test_a_bus_that_never_found_its_server_stops_too(server):
    await server.stop()
    bus = make_bus("triage", server.url)
    starting = asyncio.create_task(bus.start())
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await bus.stop()


async def test_an_error_that_comes_with_every_attempt_to_connect_is_logged_once(logs):
    bus = make_bus("triage", "nats://localhost:1")
    for error in (OSError("refused"), OSError("refused"), OSError("unreachable")):
        await bus._log_error(error)
    assert [line["error"] for line in logs] == ["OSError('refused')", "OSError('unreachable')"]


async def _is(value):
    return value
