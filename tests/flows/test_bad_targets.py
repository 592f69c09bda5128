"""Targets that cannot be reached, or are not what they say: a person is told what is wrong."""

import getpass

import asyncssh
import pytest

from deploy.ports import free_port
from deploy.sshserver import Account, authorized, ssh_server
from tests.flows.world import alert

SSH_RUNBOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: flow, title: A step on a host}}
description: The service of the flow is down.
match: {{alerts: [FlowDown]}}
params:
  job: {{from: labels.job, required: true, pattern: '^[a-z0-9-]+$'}}
  host: {{from: labels.instance, required: true}}
steps:
  - id: repair
    uses: ssh
    target: "{{{{ host }}}}"
    run: 'echo {{{{ job }}}} >> {work}/ran'
    risk: low
    effect: once
    timeout: 3s
verify:
  - {{uses: local, target: here, run: 'true'}}
"""


@pytest.fixture
async def host(tmp_path):
    """A real SSH server, and a target that is allowed in."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    file = tmp_path / "id_ed25519"
    key.write_private_key(str(file))
    account = Account(getpass.getuser(), authorized_keys=authorized([key]))
    async with ssh_server(account) as server:
        yield {
            "connector": "ssh",
            "host": server.host,
            "port": server.port,
            "user": account.user,
            "host_key": server.host_key,
            "key": {"file": str(file)},
        }


async def _outcome(world, instance="web-1", state="escalated", **target):
    world.write_runbook(text=SSH_RUNBOOK)
    world.write_config(here={"connector": "local"}, **{"web-1": target})
    await world.start_all_but()
    accepted = await world.post(alert(instance=instance) if instance else alert())
    ticket_id = next(t["_id"] for t in world.db.tickets.find())
    assert str(ticket_id) == accepted["tickets"][0]["id"]
    await world.until_state(ticket_id, state)
    return world.ticket(ticket_id)


async def test_a_step_runs_over_ssh(world, host):
    await _outcome(world, state="resolved", **host)
    assert world.ran() == ["shop"]


async def test_a_changed_host_key_stops_everything_and_is_told(world, host):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    ticket = await _outcome(world, **{**host, "host_key": other.strip()})
    assert "SHA256:" in ticket["escalated"]["reason"]
    assert world.ran() == []


async def test_an_unreachable_host_is_told(world, host):
    ticket = await _outcome(world, **{**host, "port": free_port(0)})
    assert "repair failed" in ticket["escalated"]["reason"]
    assert world.ran() == []


async def test_a_login_that_is_refused_is_told(world, host, tmp_path):
    stranger = tmp_path / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(stranger))
    ticket = await _outcome(world, **{**host, "key": {"file": str(stranger)}})
    assert "repair failed" in ticket["escalated"]["reason"]
    assert "PRIVATE KEY" not in str(ticket)


async def test_a_missing_parameter_is_told_by_its_name(world, host):
    ticket = await _outcome(world, instance=None, **host)
    assert "labels.instance" in ticket["escalated"]["reason"]


async def test_a_target_that_nobody_declared_is_told_by_its_name(world, host):
    ticket = await _outcome(world, instance="web-2", **host)
    assert "web-2" in ticket["escalated"]["reason"]
