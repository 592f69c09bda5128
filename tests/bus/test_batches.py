"""A durable that takes every event of a family, some at a time."""

import asyncio

from shared.bus import Router, consumes_all
from shared.bus.dead import letters
from shared.errors import PermanentError, UnavailableError
from tests.bus.samples import created, triaged, until


def recording(seen, *, batch=100, fails=None):
    router = Router()

    @consumes_all(router, "ticket", by="console", batch=batch)
    async def record(envelopes):
        if fails:
            fails(envelopes)
        await seen.add([envelope.headers["ce-id"] for envelope in envelopes])

    return router


def ids(events):
    return [str(event.id) for event in events]


async def recorded(seen, number):
    async with asyncio.timeout(20):
        while len(flat := [each for batch in seen.items for each in batch]) < number:
            await seen.count(len(seen.items) + 1)
    return flat


async def test_every_event_of_the_family_comes_in_order_as_it_was_sent(js, running, seen):
    bus = await running("ingest")
    events = [created() for _ in range(20)]
    events += [triaged(event) for event in events]
    for event in events:
        await bus.publish(event)
    await js.publish("ticket.painted", b"no event of ours", headers={"ce-id": "theirs"})
    await running("console", recording(seen))
    assert await recorded(seen, 41) == [*ids(events), "theirs"]


async def test_a_batch_has_what_is_there_and_no_more_than_its_size(running, seen):
    bus = await running("ingest")
    await bus.publish(*(created() for _ in range(60)))
    await running("console", recording(seen, batch=25))
    await recorded(seen, 60)
    sizes = [len(batch) for batch in seen.items]
    assert max(sizes) <= 25
    assert len(sizes) < 30, "one by one would be sixty"


async def test_a_single_event_does_not_wait_for_others(running, seen):
    bus = await running("console", recording(seen))
    event = created()
    async with asyncio.timeout(1):
        await bus.publish(event)
        assert await recorded(seen, 1) == [str(event.id)]


async def test_one_that_cannot_be_handled_does_not_bury_the_others(js, running, seen):
    def refuses_bad(envelopes):
        if any(b'"Bad"' in envelope.body for envelope in envelopes):
            raise PermanentError("a bad one")

    bus = await running("ingest")
    events = [created("Bad" if n == 7 else "Good") for n in range(20)]
    for event in events:
        await bus.publish(event)
    await running("console", recording(seen, fails=refuses_bad))
    good = [event for event in events if event.alert.name == "Good"]
    assert sorted(await recorded(seen, 19)) == sorted(ids(good))

    async def buried():
        return [letter async for letter in letters(js)]

    (letter,) = await until(buried)
    assert letter.headers["ce-id"] == str(events[7].id)
    assert letter.service == "console"


async def test_a_batch_that_met_an_outage_comes_again_whole(js, running, seen):
    outages = iter([True, True])

    def is_away(envelopes):
        if next(outages, False):
            raise UnavailableError("away")

    bus = await running("ingest")
    events = [created() for _ in range(10)]
    await bus.publish(*events)
    await running("console", recording(seen, fails=is_away))
    assert sorted(await recorded(seen, 10)) == sorted(ids(events))
    assert [letter async for letter in letters(js)] == []
