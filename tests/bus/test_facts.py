"""What FastStream and nats-server do by themselves, and that the bus copes with it.

Each test shows one fact with the bare libraries first. When such a half fails after an upgrade, the
fact has changed and the part of the bus that exists for it may go.
"""

import asyncio
from datetime import timedelta

import pytest
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub, TestNatsBroker
from nats.errors import NotJSMessageError
from nats.js.api import AckPolicy as ServerAckPolicy
from nats.js.api import ConsumerConfig

from shared.bus import Router, consumes
from shared.bus.streams import (
    MAX_ACK_PENDING,
    consumer_config,
    declare_consumers,
    durable_name,
)
from shared.errors import UnavailableError
from shared.events import TicketCreated, TicketTriaged
from tests.bus.samples import Seen, created, until

FACTS = JStream("FACTS", declare=False)


@pytest.fixture
async def facts(js):
    """A bare stream on `facts.>`."""
    await js.add_stream(name="FACTS", subjects=["facts.>"])
    return js


@pytest.fixture
async def broker(stack):
    """A bare FastStream broker."""
    bare = NatsBroker(stack.nats_url, logger=None)
    yield bare
    await bare.stop()


async def settled(js, durable: str, stream: str = "FACTS"):
    """The state of a consumer that has nothing left to do."""

    async def idle():
        info = await js.consumer_info(stream, durable)
        return info if not info.num_pending and not info.num_ack_pending else None

    return await until(idle)


async def test_the_default_ack_policy_loses_a_message_at_its_first_error(
    facts, broker, running, seen
):
    bare = Seen()

    @broker.subscriber("facts.one", stream=FACTS, durable="bare", pull_sub=PullSub())
    async def fails(body: str) -> None:
        await bare.add(body)
        raise RuntimeError("once")

    await broker.start()
    await facts.publish("facts.one", b"x")
    await bare.count(1)
    await settled(facts, "bare")
    assert bare.items == ["x"]

    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def fails_once(event: TicketCreated) -> None:
        await seen.add(event.id)
        if len(seen.items) == 1:
            raise RuntimeError("once")

    bus = await running("triage", router)
    event = created()
    await bus.publish(event)
    assert await seen.count(2) == [event.id, event.id]
    await settled(facts, "triage-ticket-created", "TICKETS")


async def test_a_nak_comes_again_at_once_whatever_the_backoff_but_not_from_the_bus(
    facts, broker, running, seen
):
    times = Seen()
    await facts.add_consumer(
        "FACTS",
        ConsumerConfig(
            durable_name="bare",
            ack_policy=ServerAckPolicy.EXPLICIT,
            max_deliver=4,
            backoff=[5.0, 10.0, 20.0],
        ),
    )

    @broker.subscriber(
        "facts.one",
        stream=FACTS,
        durable="bare",
        pull_sub=PullSub(),
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def fails(body: str) -> None:
        await times.add(asyncio.get_running_loop().time())
        raise RuntimeError("always")

    await broker.start()
    await facts.publish("facts.one", b"x")
    four = await times.count(4)
    assert four[3] - four[0] < 2

    router = Router()
    pauses = (timedelta(seconds=0.1), timedelta(seconds=0.4))

    @consumes(router, TicketCreated, by="triage")
    async def fails_too(event: TicketCreated) -> None:
        await seen.add(asyncio.get_running_loop().time())
        raise RuntimeError("always")

    bus = await running("triage", router, delays=pauses)
    await bus.publish(created())
    first, second, third = await seen.count(3)
    assert second - first >= 0.1
    assert third - second >= 0.4


async def test_subscribing_leaves_an_old_durable_as_it_is_but_declaring_changes_it(facts, broker):
    await facts.add_consumer(
        "FACTS",
        ConsumerConfig(durable_name="bare", ack_policy=ServerAckPolicy.EXPLICIT, ack_wait=30),
    )

    @broker.subscriber(
        "facts.one",
        stream=FACTS,
        durable="bare",
        config=ConsumerConfig(ack_wait=7),
        pull_sub=PullSub(),
    )
    async def handle(body: str) -> None: ...

    await broker.start()
    assert (await facts.consumer_info("FACTS", "bare")).config.ack_wait == 30

    await facts.add_stream(name="TICKETS", subjects=["ticket.>"])
    for seconds in (30, 7):
        await declare_consumers(
            facts, "triage", ["ticket.created"], ack_wait=timedelta(seconds=seconds)
        )
    config = (await facts.consumer_info("TICKETS", "triage-ticket-created")).config
    assert config.ack_wait == 7
    assert config.max_ack_pending == MAX_ACK_PENDING
    assert config.max_deliver == -1


async def test_faststream_writes_the_durables_name_into_a_config_so_none_is_shared(facts, broker):
    shared_config = ConsumerConfig(ack_wait=7)
    for durable in ("first", "second"):
        broker.subscriber(
            "facts.one", stream=FACTS, durable=durable, config=shared_config, pull_sub=PullSub()
        )
    assert shared_config.durable_name == "first"

    configs = [consumer_config("triage", s) for s in ("ticket.created", "ticket.triaged")]
    assert [c.durable_name for c in configs] == ["triage-ticket-created", "triage-ticket-triaged"]


async def test_two_subscriptions_of_one_service_have_a_durable_each(js, running):
    router = Router()

    @consumes(router, TicketCreated, by="planner")
    async def one(event: TicketCreated) -> None: ...

    @consumes(router, TicketTriaged, by="planner")
    async def two(event: TicketTriaged) -> None: ...

    await running("planner", router)
    names = {info.name for info in await js.consumers_info("TICKETS")}
    assert names == {"planner-ticket-created", "planner-ticket-triaged"}


async def test_a_handler_slower_than_the_ack_wait_runs_once(facts, broker, running, seen):
    ack_wait = 0.5
    bare = Seen()
    await facts.add_consumer(
        "FACTS",
        ConsumerConfig(durable_name="bare", ack_policy=ServerAckPolicy.EXPLICIT, ack_wait=ack_wait),
    )
    twice = asyncio.Event()

    @broker.subscriber("facts.one", stream=FACTS, durable="bare", pull_sub=PullSub(), max_workers=2)
    async def is_slow(body: str) -> None:
        await bare.add(body)
        if len(bare.items) == 2:
            twice.set()
        await twice.wait()

    await broker.start()
    await facts.publish("facts.one", b"x")
    assert await bare.count(2) == ["x", "x"], "it runs beside itself"

    router = Router()

    @consumes(router, TicketCreated, by="executor")
    async def is_slow_too(event: TicketCreated) -> None:
        await seen.add(event.id)
        await asyncio.sleep(ack_wait * 3)

    bus = await running("executor", router, ack_wait=timedelta(seconds=ack_wait))
    await bus.publish(created())
    await seen.count(1)
    await settled(facts, "executor-ticket-created", "TICKETS")
    assert len(seen.items) == 1


async def test_the_stream_knows_a_duplicate_only_inside_its_window(js, running):
    await js.add_stream(name="FACTS", subjects=["facts.>"], duplicate_window=0.1)

    async def stored_anew():
        ack = await js.publish("facts.one", b"x", headers={"Nats-Msg-Id": "1"})
        return not ack.duplicate

    await js.publish("facts.one", b"x", headers={"Nats-Msg-Id": "1"})
    assert not await stored_anew()
    assert await until(stored_anew)

    bus = await running("ingest")
    event = created()
    await bus.publish(event)
    await bus.publish(event)
    assert (await js.stream_info("TICKETS")).state.messages == 1


async def test_the_in_memory_broker_knows_no_deliveries():
    broker = NatsBroker(logger=None)

    @broker.subscriber("facts.one", stream=FACTS, durable="bare", pull_sub=PullSub())
    async def counts(message: NatsMessage) -> int:
        return message.raw_message.metadata.num_delivered

    async with TestNatsBroker(broker):
        with pytest.raises(NotJSMessageError):
            await broker.publish(b"x", "facts.one", stream="FACTS")


async def test_a_real_delivery_knows_how_often_it_was_made(js, running, seen):
    router = Router()

    @consumes(router, TicketCreated, by="triage")
    async def waits(event: TicketCreated) -> None:
        info = await js.consumer_info("TICKETS", durable_name("triage", "ticket.created"))
        await seen.add((info.num_ack_pending, info.num_redelivered))
        if len(seen.items) < 3:
            raise UnavailableError("not yet")

    bus = await running("triage", router)
    await bus.publish(created())
    assert await seen.count(3) == [(1, 0), (1, 1), (1, 1)]
