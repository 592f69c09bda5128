"""A real Alertmanager sends a real alert, which ends resolved."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from deploy.ports import free_port
from tests.flows.world import TOKEN, eventually
from tests.programs import program

CONFIG = """\
route:
  receiver: handrail
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: handrail
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          authorization: {{credentials: {token}}}
"""


@pytest.fixture
async def alertmanager(world, tmp_path):
    server = program("prometheus-alertmanager", "alertmanager")
    port = free_port(0)
    config = tmp_path / "alertmanager.yml"
    webhook = world.url("ingest", "/webhooks/alertmanager")
    config.write_text(CONFIG.format(url=webhook, token=TOKEN))
    process = await asyncio.create_subprocess_exec(
        server,
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    async def ready():
        try:
            return (await world.http.get(f"{url}/-/ready")).is_success
        except httpx.HTTPError:
            return False

    await eventually(ready)
    yield url
    process.terminate()
    await process.wait()


BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def _fire(world, url, **fields):
    alert = {
        "labels": {"alertname": "FlowDown", "job": "shop", "severity": "critical"},
        "annotations": {"summary": "The shop does not answer"},
        "startsAt": BEGAN.isoformat(),
        **fields,
    }
    answer = await world.http.post(f"{url}/api/v2/alerts", json=[alert])
    assert answer.is_success, answer.text


async def test_an_alert_of_a_real_alertmanager_ends_resolved(world, alertmanager):
    await world.start_all_but()
    await _fire(world, alertmanager)
    ticket = await eventually(world.db.tickets.find_one, 30)
    assert ticket["title"] == "The shop does not answer"
    await world.approve(ticket["_id"])
    await world.until_state(ticket["_id"], "resolved")
    assert world.ran() == ["shop"]


async def test_its_resolved_notification_cancels_what_nobody_has_approved(world, alertmanager):
    await world.start_all_but()
    await _fire(world, alertmanager)
    ticket = await eventually(world.db.tickets.find_one, 30)
    await world.link(ticket["_id"])
    await _fire(world, alertmanager, endsAt=datetime.now(UTC).isoformat())
    await world.until_state(ticket["_id"], "resolved")
    assert world.ticket(ticket["_id"])["resolved"]["resolution"] == "source"
    assert world.ran() == []
