"""Events in the document that they tell of, on real MongoDB and NATS."""

import asyncio
from contextlib import AsyncExitStack

import nats
import pytest
from nats.js.errors import NotFoundError
from structlog.testing import capture_logs

from shared.bus.streams import FAMILIES
from shared.errors import UnavailableError
from shared.outbox import INDEX, OVERDUE, Outbox, kept, push, put
from shared.telemetry import current_trace
from tests.bus.samples import created, make_bus

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def js(stack):
    """JetStream, without what other tests left there."""
    connection = await nats.connect(stack.nats_url)
    context = connection.jetstream()
    for name in FAMILIES.values():
        try:
            await context.delete_stream(name)
        except NotFoundError:
            continue
    yield context
    await connection.close()


@pytest.fixture
async def bus(stack, js):
    async with AsyncExitStack() as exits:
        made = make_bus("notifier", stack.nats_url)
        exits.push_async_callback(made.stop)
        await made.start()
        yield made


@pytest.fixture
async def things(db):
    await db.things.insert_one({"_id": 1, "state": "new"})
    return db.things


class Published:
    """A publish that can be made to fail, and remembers."""

    def __init__(self) -> None:
        self.events = []
        self.traces = []
        self.away = False

    async def __call__(self, *events) -> None:
        if self.away:
            raise UnavailableError("away")
        self.events += events
        self.traces.append(current_trace())


async def change(things, *events, trace=TRACE):
    """A change and what it tells, in one write; the entries as they stand in the document."""
    await things.update_one(
        {"_id": 1}, {"$set": {"state": "done"}, **push(events, traceparent=trace)}
    )
    return kept(events, traceparent=trace)


async def grow_old(things):
    """Let the kept events be overdue without waiting for it."""
    age = int(OVERDUE.total_seconds() * 1000) + 1000
    await things.update_many({}, [{"$set": {INDEX: {"$subtract": [f"${INDEX}", age]}}}])


async def stored(js):
    return (await js.stream_info("TICKETS")).state.messages


async def test_a_flush_publishes_in_order_and_in_the_events_own_trace_and_clears(things):
    published = Published()
    events = [created(), created()]
    entries = await change(things, *events)
    await Outbox(things, published).flush(1, entries)
    assert published.events == events
    assert {trace.split("-")[1] for trace in published.traces} == {TRACE.split("-")[1]}
    assert await things.find_one() == {"_id": 1, "state": "done", "outbox": []}


async def test_a_change_without_events_touches_no_outbox(things):
    await change(things)
    assert await things.find_one() == {"_id": 1, "state": "done"}
    await Outbox(things, Published()).flush(1, [])


async def test_what_is_published_is_taken_out_later_in_one_write(things):
    published = Published()
    outbox = Outbox(things, published, lazily=True)
    first, second = await change(things, created()), await change(things, created())
    await outbox.flush(1, first)
    assert len((await things.find_one())["outbox"]) == 2
    await outbox.settle()
    assert [entry["id"] for entry in (await things.find_one())["outbox"]] == [second[0]["id"]]
    await outbox.flush(1, second)
    await outbox.settle()
    assert await things.find_one() == {"_id": 1, "state": "done", "outbox": []}


@pytest.mark.parametrize(
    ("instead", "count", "marked"), [(False, 2, True), (True, 1, True)], ids=["beside", "instead"]
)
async def test_a_change_puts_events_beside_those_that_are_there_or_instead(
    things, instead, count, marked
):
    await change(things, created())
    update = {}
    put(update, kept([created()], traceparent=TRACE), instead=instead)
    await things.update_one({"_id": 1}, update)
    found = await things.find_one()
    assert (len(found["outbox"]), INDEX in found) == (count, marked)


async def test_a_change_without_events_may_take_the_place_of_told_ones(things):
    await change(things, created())
    update = {}
    put(update, [], instead=True)
    await things.update_one({"_id": 1}, update)
    assert await things.find_one() == {"_id": 1, "state": "done", "outbox": []}


async def test_what_a_crash_left_is_published_by_the_sweep_once_it_is_overdue(things):
    published = Published()
    outbox = Outbox(things, published)
    await outbox.prepare()
    event = created()
    await change(things, event)
    assert await outbox.sweep() == 0, "its writer may still be at it"
    await grow_old(things)
    assert await outbox.sweep() == 1
    assert published.events == [event]
    assert await outbox.sweep() == 0


async def test_a_crash_between_publish_and_clear_publishes_again_with_the_same_id(things, bus, js):
    event = created()
    await change(things, event)
    await bus.publish(event)
    await grow_old(things)
    assert await Outbox(things, bus.publish).sweep() == 1
    assert await stored(js) == 1


async def test_two_that_flush_at_once_store_each_event_once(things, bus, js):
    events = [created() for _ in range(5)]
    entries = await change(things, *events)
    outbox = Outbox(things, bus.publish)
    await asyncio.gather(outbox.flush(1, entries), outbox.flush(1, entries))
    assert await stored(js) == 5
    assert (await things.find_one())["outbox"] == []


async def test_an_event_that_comes_while_another_is_flushed_stays(things):
    published = Published()
    outbox = Outbox(things, published)
    first, second = created(), created()
    entries = await change(things, first)
    await change(things, second)
    await outbox.flush(1, entries)
    document = await things.find_one()
    assert [entry["id"] for entry in document["outbox"]] == [second.id]
    assert INDEX in document

    await grow_old(things)
    assert await outbox.sweep() == 1
    assert published.events == [first, second]


async def test_an_outage_of_the_bus_leaves_everything_for_later(things):
    published = Published()
    outbox = Outbox(things, published)
    entries = await change(things, created())
    published.away = True
    with pytest.raises(UnavailableError):
        await outbox.flush(1, entries)
    await grow_old(things)
    with pytest.raises(UnavailableError):
        await outbox.sweep()
    published.away = False
    assert await outbox.sweep() == 1


async def test_one_event_that_cannot_be_published_holds_up_no_other(things):
    class TooLarge(Published):
        async def __call__(self, *events):
            if large in events:
                raise UnavailableError("more than the bus takes")
            await super().__call__(*events)

    large, small = created(), created()
    published = TooLarge()
    await change(things, large)
    await things.insert_one({"_id": 2, "outbox": kept([small], traceparent=TRACE)})
    await things.update_many({}, [{"$set": {INDEX: "$$NOW"}}])
    await grow_old(things)
    with capture_logs() as logs, pytest.raises(UnavailableError, match="more than the bus takes"):
        await Outbox(things, published).sweep()
    assert published.events == [small]
    assert [line["document_id"] for line in logs if line["event"] == "outbox.not_told"] == ["1"]
    assert [entry["id"] for entry in (await things.find_one({"_id": 1}))["outbox"]] == [large.id]


async def test_an_event_of_a_newer_version_is_left_to_it_and_holds_up_no_other(things):
    published = Published()
    outbox = Outbox(things, published)
    event = created()
    entries = await change(things, event, created())
    newer = {**entries[1], "subject": "ticket.painted"}
    await things.update_one({}, {"$set": {"outbox.1.subject": "ticket.painted"}})
    with capture_logs() as logs:
        await outbox.flush(1, [entries[0], newer])
    assert published.events == [event]
    assert [entry["subject"] for entry in (await things.find_one())["outbox"]] == ["ticket.painted"]
    assert [(line["event"], line["kind"]) for line in logs] == [
        ("outbox.unreadable", "ticket.painted")
    ]


async def test_the_sweep_looks_only_where_something_is(db, things):
    outbox = Outbox(things, Published())
    await outbox.prepare()
    await outbox.prepare()
    query = {INDEX: {"$exists": True}}
    plan = await db.command("explain", {"find": "things", "filter": query})
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])
