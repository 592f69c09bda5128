"""A real Alertmanager, as Debian packages it, sends its alerts to a running ingest."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from deploy.ports import free_port
from services.ingest.app import build
from tests.ingest.conftest import TOKEN
from tests.programs import program
from tests.running import running, until

PROOFS = {
    "bearer": (
        {"authorization": {"type": "Bearer", "credentials": TOKEN}},
        {"bearer": {"env": "INGEST_TEST_TOKEN"}},
    ),
    "basic": (
        {"basic_auth": {"username": "am", "password": TOKEN}},
        {"basic": {"username": "am", "password": {"env": "INGEST_TEST_TOKEN"}}},
    ),
}


@asynccontextmanager
async def alertmanager(folder, hook, proof):
    """Alertmanager with one receiver; gives a client of its API."""
    server = program("prometheus-alertmanager", "alertmanager")
    config = {
        "route": {
            "receiver": "handrail",
            "group_by": ["alertname"],
            "group_wait": "100ms",
            "group_interval": "200ms",
        },
        "receivers": [
            {
                "name": "handrail",
                "webhook_configs": [{"url": hook, "send_resolved": True, "http_config": proof}],
            }
        ],
    }
    (folder / "alertmanager.yml").write_text(json.dumps(config))
    port = free_port(0)
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            server,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            await until(lambda: ready(client))
            yield client
    finally:
        process.terminate()
        await process.wait()


async def ready(client):
    try:
        return (await client.get("/-/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def put(client, *instances, over=False):
    """Alerts as Prometheus sends them to Alertmanager."""
    now = datetime.now(UTC)
    ends = now if over else now + timedelta(minutes=5)
    alerts = [
        {
            "labels": {"alertname": "TargetDown", "instance": one, "severity": "critical"},
            "annotations": {"summary": f"{one} antwortet nicht: “down”"},
            "startsAt": (now - timedelta(minutes=1)).isoformat(),
            "endsAt": ends.isoformat(),
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
        }
        for one in instances
    ]
    answer = await client.post("/api/v2/alerts", json=alerts)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("proof", PROOFS)
async def test_its_alerts_become_tickets_and_their_end_is_told(
    proof, stack, db, settings, on_stream
):
    sent, expected = PROOFS[proof]
    of_ingest = settings(stack, db.name)
    config = {"sources": {"alertmanager": expected}}
    of_ingest.config.write_text(json.dumps(config))
    hook = f"http://127.0.0.1:{of_ingest.ingest_port}/webhooks/alertmanager"
    async with running(build(of_ingest)), alertmanager(of_ingest.home, hook, sent) as source:
        await put(source, "web-1", "web-2")
        tickets = await until(lambda: two_tickets(db))
        for ticket in tickets:
            (created,) = await until(
                lambda id_=ticket["_id"]: on_stream.of_ticket(id_, "ticket.created")
            )
            alert = json.loads(created.data)["alert"]
            assert alert["title"] == f"{alert['labels']['instance']} antwortet nicht: “down”"
            assert alert["status"] == "firing"
        await put(source, "web-1", over=True)
        (gone,) = [one for one in tickets if one["alert"]["labels"]["instance"] == "web-1"]
        await until(lambda: said_gone(on_stream, gone["_id"]))
        (still,) = [one for one in tickets if one is not gone]
        assert not await said_gone(on_stream, still["_id"])


async def two_tickets(db):
    found = await db.tickets.find().to_list(10)
    return found if len(found) == 2 else None


async def said_gone(on_stream, ticket_id):
    updates = await on_stream.of_ticket(ticket_id, "ticket.updated")
    return "resolved_at_source" in [json.loads(update.data)["change"] for update in updates]
