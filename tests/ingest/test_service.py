"""Ingest as it runs: over a real socket, on a real store and a real bus."""

import asyncio
import json
import os
import signal

import httpx
import pytest

from services.ingest.app import build, configured
from shared.config import Config
from shared.errors import SettingsError
from tests.ingest.conftest import BEARER, on_own
from tests.ingest.payloads import body, fired, over
from tests.running import running, streams, until

HOOK = "/webhooks/alertmanager"


async def ticket_of(answer):
    assert answer.status_code == 202, answer.text
    (ticket,) = answer.json()["tickets"]
    return ticket["id"]


async def test_what_was_answered_with_202_is_in_the_store_and_on_the_stream(ingest, db, on_stream):
    id_ = await ticket_of(await ingest.post(HOOK, content=body(fired())))
    assert await db.tickets.count_documents({"state": "new", "count": 1}) == 1
    (event,) = await on_stream.of_ticket(id_, "ticket.created")
    assert json.loads(event.data)["alert"]["labels"]["instance"] == "web-1:9100"


async def test_what_was_announced_is_noted_and_not_announced_again(ingest, db):
    await ticket_of(await ingest.post(HOOK, content=body(fired())))
    await until(lambda: db.tickets.find_one({"announced": True}))


async def test_fifty_posts_of_one_new_alert_at_once_are_one_ticket(ingest, db, on_stream):
    answers = await asyncio.gather(*(ingest.post(HOOK, content=body(fired())) for _ in range(50)))
    (id_,) = {await ticket_of(answer) for answer in answers}
    ticket = await db.tickets.find_one()
    assert (str(ticket["_id"]), ticket["count"]) == (id_, 50)
    assert await db.tickets.count_documents({}) == 1
    assert len(await on_stream.of_ticket(id_, "ticket.created")) == 1
    await ingest.post(HOOK, content=body(fired()))
    updates = await on_stream.of_ticket(id_, "ticket.updated")
    assert json.loads(updates[-1].data)["count"] == 51


async def test_two_replicas_open_one_ticket(ingest, stack, db, settings, on_stream):
    async with running(build(settings(stack, db.name))) as other:
        posts = [
            client.post(HOOK, content=body(fired()), headers=BEARER)
            for client in (ingest, other) * 10
        ]
        (id_,) = {await ticket_of(answer) for answer in await asyncio.gather(*posts)}
    assert (await db.tickets.find_one())["count"] == 20
    assert len(await on_stream.of_ticket(id_, "ticket.created")) == 1


async def test_a_resolution_by_the_source_is_told(ingest, on_stream):
    id_ = await ticket_of(await ingest.post(HOOK, content=body(fired())))
    await ingest.post(HOOK, content=body(over()))
    (event,) = await on_stream.of_ticket(id_, "ticket.updated")
    assert json.loads(event.data)["change"] == "resolved_at_source"


async def test_a_storm_in_one_notification_is_accepted(ingest, db):
    storm = [{"status": "firing", "labels": {"alertname": "X", "i": str(n)}} for n in range(1_500)]
    answer = await ingest.post(HOOK, content=body(*storm))
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1_500)
    assert await db.tickets.count_documents({}) == 1_500


@pytest.mark.parametrize("chunked", [False, True])
async def test_ten_megabytes_over_the_wire_are_refused_with_an_answer(ingest, chunked):
    async def parts():
        for _ in range(160):
            yield b" " * 64 * 1024

    content = parts() if chunked else b" " * 10 * 1024 * 1024
    answer = await ingest.post(HOOK, content=content)
    assert answer.status_code == 413
    assert (await ingest.get("/healthz")).status_code == 200


async def test_labels_that_a_database_might_stumble_over_are_kept(ingest, db):
    odd = {"a.b": "x", "$where": "1", "_id": "2", "": "3", "nul": "a\0b"}
    await ticket_of(await ingest.post(HOOK, content=body(fired(**odd))))
    kept = (await db.tickets.find_one())["alert"]["labels"]
    assert kept.items() >= odd.items()


async def test_counters_are_shown(ingest):
    await ingest.post(HOOK, content=body(fired()))
    await ingest.post(HOOK, content=b"{")
    text = (await ingest.get("/metrics")).text
    assert 'handrail_alerts_total{source="alertmanager",status="firing"} 1.0' in text
    labels = 'code="400",reason="not_understood",source="alertmanager"'
    assert f"handrail_webhooks_refused_total{{{labels}}} 1.0" in text


async def test_an_event_carries_the_trace_of_its_webhook(ingest, on_stream):
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    id_ = await ticket_of(await ingest.post(HOOK, content=body(fired()), headers=headers))
    (event,) = await on_stream.of_ticket(id_, "ticket.created")
    assert trace in event.headers["traceparent"]


async def test_a_store_that_is_away_is_answered_with_503_until_it_is_back(own_stack, settings):
    async with on_own(own_stack, settings) as (_, client, found):
        mongod = server(own_stack, "mongod")
        await mongod.stop()
        answer = await client.post(HOOK, content=body(fired()))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert (await client.get("/readyz")).status_code == 503
        await mongod.start()
        id_ = await until(lambda: accepted(client, fired()))
        assert len(await found.of_ticket(id_, "ticket.created")) == 1


async def test_a_ticket_that_was_stored_while_the_bus_was_away_is_announced_when_it_is_back(
    own_stack, settings
):
    async with on_own(own_stack, settings) as (service, client, _):
        bus = server(own_stack, "nats-server")
        await bus.stop()
        await until(lambda: not service.bus.connected)
        answer = await client.post(HOOK, content=body(fired()))
        assert answer.status_code == 503
        ticket = await service.database.tickets.find_one()
        await bus.start()
        async with streams(own_stack.nats_url) as back:
            await until(lambda: back.of_ticket(ticket["_id"], "ticket.created"))
            await until(lambda: service.database.tickets.find_one({"announced": True}))
            assert await ticket_of(await client.post(HOOK, content=body(fired()))) == str(
                ticket["_id"]
            )
            assert len(await back.of_ticket(ticket["_id"], "ticket.created")) == 1


async def test_servers_that_are_killed_lose_nothing_that_was_accepted(own_stack, settings):
    async with on_own(own_stack, settings) as (service, client, _):
        stop, answers = asyncio.Event(), []

        async def keep_posting(name):
            number = 0
            while not stop.is_set():
                number += 1
                answer = await client.post(HOOK, content=body(fired(instance=f"{name}-{number}")))
                answers.append(answer)

        posting = [asyncio.create_task(keep_posting(name)) for name in "abcd"]
        for child in own_stack.children:
            seen = len(answers)
            await until(lambda seen=seen: len(answers) > seen + 20)
            os.kill(child.pid, signal.SIGKILL)
            await until(lambda child=child: child.restarts)
        seen = len(answers)
        await until(lambda: any(answer.status_code == 202 for answer in answers[seen:]))
        stop.set()
        await asyncio.gather(*posting)
        assert {answer.status_code for answer in answers} <= {202, 503}
        stored = {str(one["_id"]) async for one in service.database.tickets.find({}, {"_id": 1})}
        async with streams(own_stack.nats_url) as found:
            told = await found.tickets("ticket.created")
        for answer in answers:
            if answer.status_code == 202:
                (ticket,) = answer.json()["tickets"]
                assert ticket["id"] in stored
                assert ticket["id"] in told


async def test_a_crash_between_store_and_publish_is_made_good_by_the_next_process(
    stack, db, settings, on_stream
):
    doomed = build(settings(stack, db.name))
    for store_indexes in doomed.prepare:
        await store_indexes()
    transport = httpx.ASGITransport(doomed.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://doomed") as client:
        # Its bus was never connected, so that publishing fails after the ticket is stored.
        answer = await client.post(HOOK, content=body(fired()), headers=BEARER)
    assert answer.status_code == 503
    doomed.client.close()
    ticket = await db.tickets.find_one()
    async with running(build(settings(stack, db.name))) as client:
        await until(lambda: on_stream.of_ticket(ticket["_id"], "ticket.created"))
        await client.post(HOOK, content=body(fired()), headers=BEARER)
    (event,) = await on_stream.of_ticket(ticket["_id"], "ticket.created")
    assert (await db.tickets.find_one())["count"] == 2
    assert event.headers["Nats-Msg-Id"] == event.headers["ce-id"]


def test_a_source_that_does_not_exist_stops_the_start():
    with pytest.raises(SettingsError, match=r"sources\.nosuch.*alertmanager"):
        configured(Config.model_validate({"sources": {"nosuch": {"bearer": {"env": "X"}}}}), never)


def test_a_secret_that_is_not_there_stops_the_start(monkeypatch):
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    config = {"sources": {"alertmanager": {"bearer": {"env": "NO_SUCH_TOKEN"}}}}
    with pytest.raises(SettingsError, match="NO_SUCH_TOKEN"):
        configured(Config.model_validate(config), never)


async def accepted(client, alert):
    answer = await client.post(HOOK, content=body(alert))
    assert answer.status_code in {202, 503}
    return answer.status_code == 202 and answer.json()["tickets"][0]["id"]


def server(stack, name):
    (child,) = [child for child in stack.children if child.name == name]
    return child


async def never(url):
    raise AssertionError(f"{url} must not be fetched")
