"""A network that is cut, or falls silent, between executor and target while something runs."""

import asyncio
from datetime import timedelta

import pytest

from shared.connectors import sshlink
from shared.connectors.protocol import Ended, Lost
from shared.connectors.ssh import SshConnector
from shared.connectors.sshlink import Link
from shared.connectors.sshlogin import login_of
from shared.lifecycle import Effect
from tests.connectors.conftest import Heard, job, until
from tests.connectors.http.conftest import PURGE, connect, server
from tests.connectors.http.conftest import job as request
from tests.connectors.kubernetes.conftest import API, cluster, deployment, roll_out
from tests.connectors.kubernetes.conftest import connect as cluster_connect
from tests.connectors.kubernetes.conftest import job as call
from tests.connectors.tools import Network
from tests.sshd import openssh

__all__ = ["cluster", "cluster_connect", "connect", "server"]

RESTART = 'rollout_restart\nkind: "deployment"\nname: "api"\nnamespace: "shop"'


def ways(network, url):
    """The same address over the network that can be cut."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    name = host.rpartition(":")[0]
    return f"{scheme}://{name}:{network.port}" + (f"/{path}" if path else "")


def port_of(url):
    return int(url.partition("://")[2].partition("/")[0].rpartition(":")[2])


async def test_a_host_that_falls_silent_is_attached_to_when_it_is_heard_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(sshlink, "KEEPALIVE", timedelta(seconds=1))
    go_on, count, heard = tmp_path / "go-on", tmp_path / "count", Heard()
    async with openssh(tmp_path) as endpoint, Network(endpoint.port).laid() as network:
        login = login_of("web", endpoint.target(port=network.port))
        connector = SshConnector(Link(login), base=str(tmp_path / "steps"))
        sent = job(
            f"echo ran >>'{count}'; echo early; until [ -e '{go_on}' ]; do sleep 0.05; done;"
            " echo late; exit 6",
            seconds=90,
        )
        running = asyncio.create_task(connector.run(sent, on_output=heard))
        await until(lambda: heard.text("stdout") == "early\n")
        before = network.laid_lines
        network.freeze()
        await until(lambda: network.laid_lines > before)
        go_on.touch()
        network.mend()
        assert await running == Ended(6, "early\nlate\n", "", reattached=False)
        await connector.close()
    assert count.read_text() == "ran\n"


@pytest.mark.parametrize(
    ("effect", "times"), [(Effect.IDEMPOTENT, 2), (Effect.ONCE, 1)], ids=["idempotent", "once"]
)
async def test_a_request_whose_way_is_cut_is_sent_again_only_where_it_may_be(
    server, connect, effect, times
):
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def slow():
        arrived.set()
        await answer.wait()
        return (200, {}, {"state": "ok"})

    server.answers["/v1/purge"] = slow
    async with Network(port_of(server.url())).laid() as network:
        connector = connect(url=ways(network, server.url()) + "/v1")
        running = asyncio.create_task(connector.run(request(*PURGE, effect=effect)))
        await arrived.wait()
        network.cut()
        answer.set()
        network.mend()
        outcome = await running
    assert isinstance(outcome, Lost) is (effect is Effect.ONCE)
    assert len(server.asked) == times


async def test_a_change_in_a_cluster_is_seen_through_behind_a_cut_network(cluster, cluster_connect):
    cluster.add(API, deployment())
    async with Network(port_of(cluster.url)).laid() as network:
        connector = cluster_connect(server=ways(network, cluster.url))
        running = asyncio.create_task(connector.run(call(RESTART)))
        await until(lambda: cluster.watched)
        network.cut()
        await until(lambda: network.refused)
        roll_out(cluster, API, cluster.objects[API])
        network.mend()
        ended = await running
    assert ended.exit_code == 0, ended.stderr
    assert len(cluster.writes()) == 1
