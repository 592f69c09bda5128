"""The verifier as it runs, on a real store, a real bus and real parts."""

import json
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from deploy.ports import free_port
from services.verifier.app import Settings, build
from shared.errors import SettingsError
from shared.events import CommandCheck, HttpCheck, PrometheusCheck, SessionFinished, SessionOutcome
from shared.signing import Signer
from tests.running import running, streams, until
from tests.verifier.site import site

VECTOR = {"resultType": "vector", "result": [{"metric": {}, "value": [0, "1"]}]}
UP = json.dumps({"status": "success", "data": VECTOR}).encode()


@pytest.fixture
def settings(stack, db, tmp_path, monkeypatch):
    monkeypatch.setenv("VERIFIER_TEST_TOKEN", "sesame")

    def make(prometheus="http://127.0.0.1:9/"):
        config = {
            "targets": {"here": {"connector": "local"}},
            "prometheus": {
                "default": {"url": prometheus, "bearer": {"env": "VERIFIER_TEST_TOKEN"}}
            },
        }
        (tmp_path / "handrail.yaml").write_text(json.dumps(config))
        return Settings(
            nats_url=stack.nats_url,
            mongo_url=stack.mongo_url,
            mongo_database=db.name,
            verifier_port=free_port(0),
            config=tmp_path / "handrail.yaml",
            home=tmp_path,
            secret_key="k" * 32,
        )

    return make


@pytest.fixture
async def on_stream(stack):
    async with streams(stack.nats_url) as found:
        await found.skip_to_now()
        yield found


async def finished(db, *verify):
    """A plan that ran, and its ticket."""
    told = SessionFinished(
        id=uuid4(),
        ticket_id=uuid4(),
        session_id=uuid4(),
        ticket_title="web-1 is down",
        outcome=SessionOutcome.SUCCEEDED,
        reason="",
        verify=verify,
    )
    event = Signer(SecretStr("k" * 32)).signed_event(told)
    await db.tickets.insert_one({"_id": event.ticket_id, "state": "in_progress"})
    return event


def command(run, *, within=20, hold=0):
    return CommandCheck(
        uses="local",
        target="here",
        run=run,
        within=timedelta(seconds=within),
        hold=timedelta(seconds=hold),
    )


async def test_a_problem_that_is_gone_on_all_real_parts_is_resolved(db, settings, on_stream):
    async with site(body=UP) as parts, running(service := build(settings(parts.url))):
        checks = command("true"), HttpCheck(url=parts.url), PrometheusCheck(query="up")
        event = await finished(db, *checks)
        await service.bus.publish(event)
        (said,) = await until(lambda: on_stream.of_ticket(event.ticket_id, "ticket.resolved"))
    assert [check["passed"] for check in json.loads(said.data)["checks"]] == [True] * 3
    assert any("Bearer sesame" in request for request in parts.requests)


async def test_a_problem_that_is_still_there_calls_a_person_and_tells_no_secret(
    db, settings, on_stream
):
    async with running(service := build(settings())):
        event = await finished(db, command("echo the token is sesame; exit 1", within=0))
        await service.bus.publish(event)
        (said,) = await until(lambda: on_stream.of_ticket(event.ticket_id, "ticket.escalated"))
    assert "the token is •••" in json.loads(said.data)["reason"]
    assert b"sesame" not in said.data


async def test_a_verification_outlives_its_verifier(db, settings, on_stream, tmp_path):
    event = await finished(db, command(f"echo >> {tmp_path}/looks; test -e {tmp_path}/fixed"))
    async with running(service := build(settings())):
        await service.bus.publish(event)
        await until((tmp_path / "looks").exists)
        begun = (await db.tickets.find_one({"_id": event.ticket_id}))["verification"]["since"]
    assert (await db.tickets.find_one({"_id": event.ticket_id}))["state"] == "verifying"
    (tmp_path / "fixed").touch()
    async with running(build(settings())):
        await until(lambda: on_stream.of_ticket(event.ticket_id, "ticket.resolved"))
    ticket = await db.tickets.find_one({"_id": event.ticket_id})
    assert (ticket["state"], ticket["verification"]["since"]) == ("resolved", begun)


async def test_two_verifiers_conclude_each_ticket_once(db, settings, on_stream):
    events = [await finished(db, command(run, within=0)) for run in ("true", "false") * 5]
    async with AsyncExitStack() as replicas:
        services = [build(settings()) for _ in range(2)]
        for service in services:
            await replicas.enter_async_context(running(service))
        # As often delivered as the window of duplicates lets through.
        for _ in services:
            for event in events:
                headers = {**event.headers(source="executor"), "Nats-Msg-Id": str(uuid4())}
                await on_stream.js.publish(event.subject, event.body(), headers=headers)
        ended = {"state": {"$in": ["resolved", "escalated"]}}
        await until(lambda: all_of(db, ended, len(events)))
        for event, subject in zip(events, ("ticket.resolved", "ticket.escalated") * 5, strict=True):
            await until(
                lambda event=event, subject=subject: on_stream.of_ticket(event.ticket_id, subject)
            )
    resolved, escalated = [
        [message.headers["ce-subject"] async for message in on_stream.all(subject)]
        for subject in ("ticket.resolved", "ticket.escalated")
    ]
    assert sorted(resolved) == sorted(str(event.ticket_id) for event in events[::2])
    assert sorted(escalated) == sorted(str(event.ticket_id) for event in events[1::2])


async def all_of(db, query, number):
    return await db.tickets.count_documents(query) == number


def test_a_secret_that_is_not_there_stops_the_start(settings, monkeypatch):
    made = settings()
    monkeypatch.delenv("VERIFIER_TEST_TOKEN")
    with pytest.raises(SettingsError, match="VERIFIER_TEST_TOKEN"):
        build(made)
