"""Pods: deleted once, evicted as budgets allow, read, and run programs in."""

import asyncio

import pytest

from shared.connectors.kubernetes.api import NotFoundError
from shared.connectors.protocol import Ended, Lost, TargetUnreachableError
from shared.connectors.underway import CallRefusedError
from shared.lifecycle import Effect
from tests.connectors.conftest import Heard
from tests.connectors.kubernetes.conftest import NODE, job, pod, pod_path
from tests.running import until

WEB = pod_path("web-1")
DELETE = 'delete_pod\nnamespace: "shop"\nname: "web-1"'
DRAIN = 'drain\nnode: "node-1"'
EXEC = 'exec\nnamespace: "shop"\npod: "web-1"\ncommand: '


async def test_a_pod_is_deleted_and_seen_gone(cluster, connect):
    cluster.add(WEB, pod())
    ended = await connect().run(job(DELETE))
    assert (ended.exit_code, ended.stdout) == (0, "pod web-1: is gone\n")
    assert WEB not in cluster.objects


async def test_a_pod_that_is_not_there_cannot_be_deleted(connect):
    with pytest.raises(NotFoundError, match='"web-1" not found'):
        await connect().run(job(DELETE))


async def test_the_pod_that_was_made_after_it_is_left_alone(cluster, connect):
    cluster.add(WEB, pod(owner="StatefulSet"))
    cluster.controllers.append(
        lambda there, path, found: found or there.add(path, pod(owner="StatefulSet"))
    )
    before = cluster.objects[WEB]["metadata"]["uid"]
    assert (await connect().run(job(DELETE))).exit_code == 0
    assert cluster.objects[WEB]["metadata"]["uid"] != before
    assert len(cluster.writes("DELETE")) == 1


async def test_a_pod_that_took_its_place_meanwhile_is_not_deleted(cluster, connect):
    cluster.add(WEB, pod(owner="StatefulSet"))
    mark = cluster._patch

    def replaced_after(request, path, body, *, dry):
        done = mark(request, path, body, dry=dry)
        cluster.remove(WEB)
        cluster.add(WEB, pod(owner="StatefulSet"))
        return done

    cluster._patch = replaced_after
    ended = await connect().run(job(DELETE))
    assert (ended.exit_code, ended.stdout) == (0, "pod web-1: is gone\n")
    assert WEB in cluster.objects


@pytest.mark.parametrize(
    ("there", "marked", "expected"),
    [
        (False, False, Ended(0, "shop/web-1 is gone\n", "", reattached=True)),
        ("ReplicaSet", False, None),
        ("ReplicaSet", True, None),
        ("StatefulSet", True, None),
        ("StatefulSet", False, Lost),
    ],
)
async def test_what_became_of_a_deletion_whose_owner_died(
    cluster, connect, there, marked, expected
):
    sent = job(DELETE)
    if there:
        annotations = {"handrail/step": sent.key} if marked else {}
        cluster.add(WEB, pod(owner=there, annotations=annotations))
    found = await connect().reattach(sent)
    assert found == expected or (expected is Lost and isinstance(found, Lost))


async def test_a_dry_run_says_what_is_deleted_and_what_comes_after(cluster, connect):
    cluster.add(WEB, pod())
    shown = await connect().dry_run(job(DELETE))
    assert shown.text == "deletes shop/web-1 (Running); ReplicaSet makes another"
    assert WEB in cluster.objects


@pytest.fixture
def node(cluster):
    """A node with pods of several kinds, and one elsewhere."""
    cluster.add(NODE, {"kind": "Node", "spec": {}})
    cluster.add(WEB, pod())
    cluster.add(pod_path("db-0"), pod(owner="StatefulSet"))
    cluster.add(pod_path("agent"), pod(owner="DaemonSet"))
    cluster.add(pod_path("etcd"), pod(owner="", annotations={"kubernetes.io/config.mirror": "x"}))
    cluster.add(pod_path("done"), pod(owner="", phase="Succeeded"))
    cluster.add(pod_path("other"), pod("node-2"))


async def test_a_node_is_drained_of_what_can_go(cluster, connect, node):
    ended = await connect().run(job(DRAIN))
    assert ended.exit_code == 0
    assert cluster.objects[NODE]["spec"]["unschedulable"] is True
    left = {path.rsplit("/", 1)[1] for path in cluster.objects if "/pods/" in path}
    assert left == {"agent", "etcd", "other"}


async def test_a_disruption_budget_is_waited_for(cluster, connect, node):
    cluster.budgets["web-1"] = 3
    ended = await connect().run(job(DRAIN))
    assert ended.exit_code == 0
    assert ended.stdout.count("shop/web-1 has to wait") == 1
    assert cluster.writes("POST").count(f"{WEB}/eviction") == 4
    assert WEB not in cluster.objects


async def test_a_pod_that_took_the_place_of_one_meanwhile_is_not_evicted(cluster, connect, node):
    evict = cluster._eviction

    async def replaced_before(request, place):
        if place["name"] == "web-1" and cluster.objects[WEB]["spec"]["nodeName"] == "node-1":
            cluster.remove(WEB)
            cluster.add(WEB, pod("node-2"))
        return await evict(request, place)

    cluster._eviction = replaced_before
    assert (await connect().run(job(DRAIN))).exit_code == 0
    assert cluster.objects[WEB]["spec"]["nodeName"] == "node-2"


async def test_a_drain_that_a_budget_never_lets_through_ends_in_time(cluster, connect, node):
    cluster.budgets["web-1"] = 10_000
    ended = await connect().run(job(DRAIN, seconds=1))
    assert ended.timed_out
    assert WEB in cluster.objects
    assert pod_path("db-0") not in cluster.objects


@pytest.mark.parametrize(
    ("lone", "told"),
    [
        (pod(owner=""), ("is not made again by anything", "unmanaged")),
        (pod(volumes=[{"emptyDir": {}}]), ("has data in an emptyDir", "lose_local_data")),
    ],
)
async def test_what_would_be_lost_has_to_be_named(cluster, connect, node, lone, told):
    why, allow = told
    cluster.add(pod_path("lone"), lone)
    for ask in (connect().run, connect().dry_run):
        with pytest.raises(CallRefusedError, match=f"shop/lone {why}"):
            await ask(job(DRAIN))
    assert "unschedulable" not in cluster.objects[NODE]["spec"]
    assert (await connect().run(job(f"{DRAIN}\n{allow}: true"))).exit_code == 0
    assert pod_path("lone") not in cluster.objects


async def test_a_dry_run_names_the_pods_that_go_and_those_that_stay(cluster, connect, node):
    shown = await connect().dry_run(job(DRAIN))
    assert "+  unschedulable: true" in shown.text
    assert "evicts shop/web-1" in shown.text
    assert "leaves shop/agent" in shown.text
    assert cluster.writes("POST") == []


async def test_a_drain_goes_on_where_another_executor_left_it(cluster, connect, node):
    cluster.budgets["web-1"] = 10_000
    sent = job(DRAIN)
    first = asyncio.create_task(connect().run(sent))
    await until(lambda: pod_path("db-0") not in cluster.objects)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    cluster.budgets.clear()
    assert await connect().reattach(sent) is None
    assert (await connect().run(sent)).exit_code == 0
    assert WEB not in cluster.objects


async def test_the_last_lines_of_a_log_are_read(cluster, connect):
    cluster.add(WEB, pod())
    cluster.logs["web-1"] = "one\ntwo\nthree\n"
    ended = await connect().run(job('logs\nnamespace: "shop"\npod: "web-1"\ntail: 2'))
    assert (ended.exit_code, ended.stdout) == (0, "two\nthree\n")


async def test_logs_of_several_pods_stand_under_their_names(cluster, connect):
    for name, app in (("web-1", "web"), ("web-2", "web"), ("db", "db")):
        labelled = pod()
        labelled["metadata"]["labels"] = {"app": app}
        cluster.add(pod_path(name), labelled)
        cluster.logs[name] = f"I am {name}\n"
    ended = await connect().run(job('logs\nnamespace: "shop"\nselector: "app=web"'))
    assert ended.stdout == "==> web-1 <==\nI am web-1\n==> web-2 <==\nI am web-2\n"


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
async def test_a_program_runs_in_a_container(cluster, connect, protocol):
    cluster.protocols = (protocol,)
    cluster.add(WEB, pod())
    cluster.programs["df", "-h", "/var lib"] = ([(1, b"full"), (2, b"oh "), (2, b"no\xff")], 3)
    heard = Heard()
    ended = await connect().run(job(EXEC + '["df", "-h", "/var lib"]'), on_output=heard)
    assert ended == Ended(3, "full", "oh no\ufffd")
    assert (heard.text("stdout"), heard.text("stderr")) == ("full", "oh no\ufffd")


async def test_a_program_that_cannot_be_run_says_why(cluster, connect):
    cluster.add(WEB, pod())
    cluster.programs["nope",] = ([], "exec: nope: not found")
    ended = await connect().run(job(EXEC + '["nope"]'))
    assert (ended.exit_code, ended.stderr) == (1, "it was not run: exec: nope: not found\n")


async def test_a_pod_to_run_it_in_has_to_be_there(connect):
    with pytest.raises(NotFoundError):
        await connect().run(job(EXEC + '["true"]'))


async def test_a_program_that_takes_too_long_is_unknown_since_nobody_can_end_it(cluster, connect):
    cluster.add(WEB, pod())
    cluster.programs["sleep",] = ([(1, b"begun")], None)
    connector, sent = connect(), job(EXEC + '["sleep"]', seconds=1)
    running = asyncio.create_task(connector.run(sent))
    await until(lambda: connector._underway._calls)
    assert not await connector.cancel(sent.key)
    lost = await running
    assert isinstance(lost, Lost)
    assert "it may go on" in lost.reason
    assert lost.stdout == "begun"


async def test_a_connection_that_breaks_leaves_a_program_unknown(cluster, connect):
    cluster.add(WEB, pod())
    cluster.programs["sleep",] = ([(255, b"\x01")], None)

    async def broken(socket):
        await socket.close()

    cluster._hang = broken
    with pytest.raises(TargetUnreachableError, match="it may go on") as found:
        await connect().run(job(EXEC + '["sleep"]'))
    assert found.value.may_have_started


@pytest.mark.parametrize(("effect", "lost"), [(Effect.ONCE, True), (Effect.READ_ONLY, False)])
async def test_a_program_whose_owner_died_is_unknown_unless_it_only_looks(connect, effect, lost):
    found = await connect().reattach(job(EXEC + '["true"]', effect=effect))
    assert isinstance(found, Lost) is lost


REFUSED = "the cluster refuses it (400)"


async def test_logs_of_a_pod_with_several_containers_are_those_of_each(cluster, connect):
    several = pod()
    several["spec"]["containers"] = [{"name": "web"}, {"name": "proxy"}]
    cluster.add(pod_path("web-1"), several)
    cluster.logs["web-1"] = {"web": "I serve\n"}
    ended = await connect().run(job('logs\nnamespace: "shop"\npod: "web-1"'))
    assert (
        ended.stdout
        == f"==> web-1 web <==\nI serve\n==> web-1 proxy <==\n{REFUSED}: proxy has no log\n"
    )
