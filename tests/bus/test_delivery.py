"""One delivery: acknowledged, tried again, given up, or given back."""

import asyncio
from datetime import timedelta

import pytest
import structlog

from shared.bus import Router, consumes
from shared.bus.dead import letters
from shared.errors import PermanentError, UnavailableError
from shared.events import StepStarted, TicketCreated
from tests.bus.samples import FAST, Seen, created, started, until


async def dead(js, number=1):
    """The dead letters, once there are so many."""

    async def enough():
        found = [letter async for letter in letters(js)]
        return found if len(found) >= number else None

    return await until(enough)


async def left(js, durable="triage-ticket-created"):
    """Wait until a durable has nothing to do, and nothing to wait for."""

    async def idle():
        info = await js.consumer_info("TICKETS", durable)
        return not info.num_pending and not info.num_ack_pending

    await until(idle)


def failing(seen, error, *args, until_call=0):
    """A router whose handler fails, up to a call if there is one."""
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def handle(event: TicketCreated) -> None:
        await seen.add(event.id)
        if not until_call or len(seen.items) < until_call:
            raise error(*args)

    return router


async def test_a_handler_that_always_fails_is_tried_after_each_delay_and_then_given_up(
    js, running, seen, logs
):
    bus = await running("triage", failing(seen, RuntimeError, "no\nway"))
    event = created()
    await bus.publish(event)
    (letter,) = await dead(js)
    assert seen.items == [event.id] * (len(FAST) + 1)
    assert letter.service == "triage"
    assert letter.subject == "ticket.created"
    assert letter.durable == "triage-ticket-created"
    assert (letter.kind, letter.error) == ("RuntimeError", "no way")
    assert letter.delivered == len(FAST) + 1
    assert letter.ticket_id == str(event.ticket_id)
    assert letter.headers["ce-id"] == str(event.id)
    assert letter.headers["traceparent"]
    assert letter.body == event.body()
    said = [line["event"] for line in logs if line["event"].startswith("message.")]
    assert said == ["message.failed"] * len(FAST) + ["message.given_up"]
    await left(js)


async def test_a_permanent_error_is_given_up_at_once(js, running, seen):
    class NoSuchRunbookError(PermanentError):
        """There is none."""

    bus = await running("triage", failing(seen, NoSuchRunbookError, "gone"))
    await bus.publish(created())
    (letter,) = await dead(js)
    assert letter.kind == "NoSuchRunbookError"
    assert len(seen.items) == 1


async def test_a_server_that_does_not_answer_is_waited_for_as_long_as_it_takes(
    js, running, seen, logs
):
    times = len(FAST) * 4
    bus = await running("triage", failing(seen, UnavailableError, "away", until_call=times))
    await bus.publish(created())
    await seen.count(times)
    await left(js)
    waits = [line for line in logs if line["event"] == "message.waiting"]
    assert {line["reason"] for line in waits} == {"away"}
    assert [letter async for letter in letters(js)] == []


@pytest.mark.parametrize(
    ("change", "body", "error"),
    [
        ({}, b"{not json", "the body is no JSON object"),
        ({}, b"[1]", "the body is no JSON object"),
        ({}, b"\xff\xfe", "the body is no JSON object"),
        ({}, b"{}", "ticket_id: Field required"),
        ({"ce-id": None}, None, "the header 'ce-id' is missing"),
        ({"ce-time": None}, None, "the header 'ce-time' is missing"),
        ({"ce-id": "seven"}, None, "id: Input should be a valid UUID"),
        ({"ce-time": "noon"}, None, "time: Input should be a valid datetime"),
    ],
)
async def test_what_is_no_event_is_given_up_at_once_and_kept_as_it_came(
    js, running, change, body, error
):
    await running("triage", failing(Seen(), RuntimeError, "never reached"))
    event = created()
    headers = {**event.headers(source="somebody"), "x-their-own": "kept", **change}
    headers = {name: value for name, value in headers.items() if value is not None}
    await js.publish(event.subject, event.body() if body is None else body, headers=headers)
    (letter,) = await dead(js)
    assert error in letter.error
    assert letter.kind == "MalformedEventError"
    assert letter.delivered == 1
    assert letter.headers["x-their-own"] == "kept"
    assert letter.body == (event.body() if body is None else body)


async def test_a_message_without_any_header_is_given_up_too(js, running, seen):
    await running("triage", failing(seen, RuntimeError, "never reached"))
    await js.publish("ticket.created", b"{}")
    (letter,) = await dead(js)
    assert letter.error == "the header 'ce-id' is missing"


async def test_a_message_that_fails_holds_up_no_other(js, running, seen):
    router = Router()

    @consumes(router, TicketCreated, by="triage", workers=1)
    async def handle(event: TicketCreated) -> None:
        if event.alert.name == "Bad":
            raise RuntimeError("always")
        await seen.add(event.alert.name)

    bus = await running("triage", router)
    for name in ("One", "Bad", "Two", "Three"):
        await bus.publish(created(name))
    assert await seen.count(3) == ["One", "Two", "Three"]
    (letter,) = await dead(js)
    assert b'"Bad"' in letter.body


async def test_more_messages_than_workers_wait_without_running_twice(js, running, seen):
    """Those that wait at the server are not delivered, and those that were are kept alive."""
    ack_wait = timedelta(seconds=0.4)
    gate, router = asyncio.Event(), Router()

    @consumes(router, TicketCreated, by="triage", workers=2)
    async def handle(event: TicketCreated) -> None:
        await seen.add(event.id)
        await gate.wait()

    bus = await running("triage", router, ack_wait=ack_wait)
    events = [created() for _ in range(6)]
    await bus.publish(*events)
    await seen.count(2)
    await asyncio.sleep(ack_wait.total_seconds() * 3)
    assert len(seen.items) == 2
    gate.set()
    assert sorted(await seen.count(6)) == sorted(event.id for event in events)
    await left(js)
    assert len(seen.items) == 6


async def test_a_handler_that_is_cut_off_by_a_stop_is_run_by_another_replica_at_once(
    js, running, seen
):
    async def replica(name, *, ends):
        router = Router()

        @consumes(router, TicketCreated, by="triage")
        async def handle(event: TicketCreated) -> None:
            await seen.add((name, event.id))
            if not ends:
                await asyncio.Event().wait()

        # No ack wait could bring it back within this test.
        return await running("triage", router, ack_wait=timedelta(minutes=5))

    first = await replica("first", ends=False)
    event = created()
    await first.publish(event)
    await seen.count(1)
    await replica("second", ends=True)
    await first.stop()
    assert await seen.count(2) == [("first", event.id), ("second", event.id)]
    await left(js)


async def test_a_stop_lets_handlers_end_within_the_grace(js, running, seen):
    gate, router = asyncio.Event(), Router()

    @consumes(router, TicketCreated, by="triage")
    async def handle(event: TicketCreated) -> None:
        await seen.add("begun")
        await gate.wait()
        await seen.add("ended")

    bus = await running("triage", router, grace=timedelta(seconds=10))
    await bus.publish(created())
    await seen.count(1)
    stopping = asyncio.create_task(bus.stop())
    gate.set()
    await stopping
    assert seen.items == ["begun", "ended"]
    info = await js.consumer_info("TICKETS", "triage-ticket-created")
    assert info.ack_floor.stream_seq == 1


async def test_log_lines_of_a_delivery_carry_the_ids_of_what_is_handled(running, seen):
    router = Router()

    @consumes(router, StepStarted, by="console")
    async def handle(event: StepStarted) -> None:
        await seen.add(structlog.contextvars.get_contextvars())

    bus = await running("console", router)
    event = started()
    await bus.publish(event)
    (bound,) = await seen.count(1)
    assert bound == {
        "subject": "step.started",
        "event_id": str(event.id),
        "ticket_id": str(event.ticket_id),
        "session_id": str(event.session_id),
        "step_id": "restart",
    }


async def test_nothing_of_a_delivery_stays_in_the_log_context_of_the_next(running, seen):
    router = Router()

    @consumes(router, StepStarted, by="console")
    async def of_step(event: StepStarted) -> None: ...

    @consumes(router, TicketCreated, by="console")
    async def of_ticket(event: TicketCreated) -> None:
        await seen.add(structlog.contextvars.get_contextvars())

    bus = await running("console", router)
    for _ in range(3):
        await bus.publish(created())
    for bound in await seen.count(3):
        assert set(bound) == {"subject", "event_id", "ticket_id"}
