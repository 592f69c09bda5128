"""NATS or MongoDB away: webhooks are answered 503, and nothing that was accepted is lost."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from deploy.ports import free_port
from deploy.servers import mongo_program, mongo_url, nats_program, nats_url
from deploy.supervisor import Child
from tests.flows.world import TOKEN, World, alert, eventually, notification


@pytest.fixture
async def servers(tmp_path):
    """A NATS server and a mongod that the test may stop and start again, each on its port."""
    programs = {
        "nats": (nats_program, free_port(0)),
        "mongo": (mongo_program, free_port(0)),
    }

    def child(name):
        make, port = programs[name]
        program = make(tmp_path / "servers", port)
        return Child(program.name, program.command, output=program.log, ready=program.ready)

    running = {name: child(name) for name in programs}
    async with asyncio.TaskGroup() as group:
        for each in running.values():
            group.create_task(each.start())

    async def again(name):
        running[name] = child(name)
        await running[name].start()

    running["again"] = again
    yield running, nats_url(programs["nats"][1]), mongo_url(programs["mongo"][1])
    for name in programs:
        await running[name].stop()


@pytest.fixture
async def fragile(servers, tmp_path):
    running, bus, mongo = servers
    world = World(tmp_path / "work", bus, mongo, f"flow_{uuid4().hex}")
    world.write_runbook(risk="low")
    await world.start_all_but()
    yield world, running
    for label in list(world.processes):
        await world.kill(label)
    await world.http.aclose()
    world.mongo.close()


async def _post(world, job):
    return await world.http.post(
        world.url("ingest", "/webhooks/alertmanager"),
        json=notification(alert(job)),
        headers={"Authorization": f"Bearer {TOKEN}"},
    )


@pytest.mark.parametrize("server", ["nats", "mongo"])
async def test_a_server_goes_away_and_comes_back(fragile, server):
    world, servers = fragile
    before = await world.open_ticket("before")
    await world.until_state(before, "resolved")
    await servers[server].stop()
    await eventually(lambda: _not_ready(world))
    refused = await _post(world, "during")
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    await servers["again"](server)
    await eventually(lambda: world.ready("ingest"), 60)

    async def accepted():
        answer = await _post(world, "during")
        return answer.json() if answer.status_code == 202 else None

    await eventually(accepted, 60)
    during = world.db.tickets.find_one({"alert.labels.job": "during"})["_id"]
    await world.until_state(during, "resolved", 90)
    assert world.ran().count("during") <= 1


async def _not_ready(world):
    try:
        return (await world.http.get(world.url("ingest", "/readyz"))).status_code == 503
    except httpx.HTTPError:
        return False


async def test_the_bus_dies_while_a_command_runs(fragile):
    world, servers = fragile
    world.hold()
    ticket_id = await world.open_ticket()
    await world.until_ran()
    await servers["nats"].stop()
    world.let_go()
    await eventually(lambda: world.session(ticket_id)["runs"]["repair"]["state"] == "succeeded", 30)
    await servers["again"]("nats")
    await world.until_state(ticket_id, "resolved", 90)
    assert world.ran() == ["shop"]


async def test_the_store_dies_while_a_command_runs(fragile):
    world, servers = fragile
    world.hold()
    ticket_id = await world.open_ticket()
    await world.until_ran()
    await servers["mongo"].stop()
    world.let_go()
    await servers["again"]("mongo")
    await world.until_state(ticket_id, "resolved", 90)
    assert world.ran() == ["shop"]
