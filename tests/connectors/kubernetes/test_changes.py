"""Each change is made once, by a write that carries the key of its step."""

import asyncio
from datetime import timedelta

import pytest

from shared.connectors.kubernetes import api as api_of_clusters
from shared.connectors.kubernetes.api import ConflictError, NotFoundError
from shared.connectors.protocol import TargetUnreachableError
from shared.connectors.underway import CallRefusedError
from tests.connectors.conftest import Heard
from tests.connectors.kubernetes.cluster import RefusedError
from tests.connectors.kubernetes.conftest import API, NODE, deployment, job, pod, pod_path
from tests.running import until

RESTART = 'rollout_restart\nkind: "deployment"\nname: "api"\nnamespace: "shop"'
PATCH = """patch
api_version: "apps/v1"
kind: "Deployment"
name: "api"
namespace: "shop"
patch: """


def scale(replicas):
    return f'scale\nname: "api"\nnamespace: "shop"\nreplicas: {replicas}'


def template(found):
    return found["spec"]["template"]


async def test_a_restart_makes_the_pods_anew_and_waits_for_them(connect, api):
    heard, sent = Heard(), job(RESTART)
    ended = await connect().run(sent, on_output=heard)
    assert ended.exit_code == 0
    assert template(api())["metadata"]["annotations"] == {"handrail/restarted-by": sent.key}
    assert template(api())["spec"] == deployment()["spec"]["template"]["spec"]
    assert heard.text("stdout") == ended.stdout
    assert ended.stdout.splitlines()[-1] == "deployment api: 2 new replicas are available"


async def test_the_same_key_restarts_once_whoever_runs_it(cluster, connect, api):
    sent = job(RESTART)
    await connect().run(sent)
    assert await connect().reattach(sent) is None
    again = await connect().run(sent)
    assert "was changed already" in again.stdout
    assert cluster.writes() == [API]


async def test_another_key_restarts_again_and_both_are_remembered(cluster, connect, api):
    first, second = job(RESTART), job(RESTART)
    for sent in (first, second, first):
        await connect().run(sent)
    assert cluster.writes() == [API, API]
    assert api()["metadata"]["annotations"]["handrail/step"] == f"{second.key} {first.key}"


async def test_a_restart_that_comes_through_slowly_is_watched(cluster, connect):
    cluster.add(API, deployment())
    heard = Heard()
    running = asyncio.create_task(connect().run(job(RESTART), on_output=heard))
    await until(lambda: "waiting for the controller" in heard.text("stdout"))
    status = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1}
    for change, said in (
        (status, "1 of 2 new replicas are there"),
        ({"updatedReplicas": 2}, "1 old replicas are still there"),
        ({"replicas": 2, "availableReplicas": 1}, "1 of 2 new replicas are available"),
    ):
        await until(lambda: cluster.watched)
        cluster.change(API, {"status": change})
        await until(lambda said=said: said in heard.text("stdout"))
    cluster.end_watches(expired=True)
    cluster.change(API, {"status": {"availableReplicas": 2}})
    assert (await running).exit_code == 0


async def test_a_rollout_that_makes_no_progress_fails(cluster, connect):
    cluster.add(API, deployment())
    condition = {"reason": "ProgressDeadlineExceeded", "message": "image cannot be pulled"}
    cluster.change(API, {"status": {"observedGeneration": 9, "conditions": [condition]}})
    ended = await connect().run(job(RESTART))
    assert ended.exit_code == 1
    assert "it makes no progress: image cannot be pulled" in ended.stderr


async def test_a_rollout_that_takes_too_long_is_told_as_such(cluster, connect):
    cluster.add(API, deployment())
    ended = await connect().run(job(RESTART, seconds=1))
    assert (ended.exit_code, ended.timed_out) == (124, True)
    assert cluster.writes() == [API]


async def test_waiting_can_be_cancelled(cluster, connect):
    cluster.add(API, deployment())
    connector, sent = connect(), job(RESTART)
    running = asyncio.create_task(connector.run(sent))
    await until(lambda: cluster.watched)
    assert await connector.cancel(sent.key)
    assert (await running).cancelled


async def test_what_needs_no_waiting_is_not_waited_for(cluster, connect):
    cluster.add(API, deployment())
    assert (await connect().run(job(f"{RESTART}\nwait: false"))).exit_code == 0


async def test_replicas_are_set_and_waited_for(connect, api):
    ended = await connect().run(job(scale(5)))
    assert ended.exit_code == 0
    assert api()["spec"]["replicas"] == 5


async def test_a_dry_run_shows_what_would_change_and_changes_nothing(cluster, connect, api):
    shown = await connect().dry_run(job(scale(5)))
    assert "-  replicas: 2\n+  replicas: 5" in shown.text
    assert cluster.writes() == []
    assert api()["spec"]["replicas"] == 2


@pytest.mark.parametrize(("action", "state"), [("cordon", True), ("uncordon", None)])
async def test_nodes_are_taken_out_and_let_in_again(cluster, connect, action, state):
    cluster.add(NODE, {"kind": "Node", "spec": {"unschedulable": action == "uncordon"}})
    assert (await connect().run(job(f'{action}\nnode: "node-1"'))).exit_code == 0
    assert cluster.objects[NODE]["spec"].get("unschedulable") == state


async def test_a_patch_is_applied_as_a_field_manager_of_handrail(cluster, connect, api):
    ended = await connect().run(job(PATCH + '{"spec": {"minReadySeconds": 5}}'))
    assert ended.exit_code == 0
    assert api()["spec"]["minReadySeconds"] == 5
    assert all(name.startswith("handrail-") for name in cluster.managers[API])


async def test_a_second_patch_takes_nothing_of_the_first_back(connect, api):
    connector = connect()
    await connector.run(job(PATCH + '{"spec": {"minReadySeconds": 5}}'))
    await connector.run(job(PATCH + '{"spec": {"revisionHistoryLimit": 3}}'))
    await connector.run(job(PATCH + '{"spec": {"minReadySeconds": 6}}'))
    assert (api()["spec"]["minReadySeconds"], api()["spec"]["revisionHistoryLimit"]) == (6, 3)


@pytest.mark.parametrize("force", [False, True])
async def test_a_field_that_somebody_else_manages_is_theirs_unless_forced(
    cluster, connect, api, force
):
    cluster.managers[API] = {"helm": {("spec", "replicas")}}
    sent = job(f'{PATCH}{{"spec": {{"replicas": 7}}}}\nforce: {str(force).lower()}')
    if force:
        await connect().run(sent)
    else:
        for ask in (connect().run, connect().dry_run):
            with pytest.raises(ConflictError, match=r"others manage .*\.spec\.replicas.*helm"):
                await ask(sent)
    assert api()["spec"]["replicas"] == (7 if force else 2)


async def test_a_patch_makes_what_is_not_there(cluster, connect):
    cart = (
        '"shop.example/v1"\nkind: "Cart"\nname: "c"\nnamespace: "shop"\npatch: {"spec": {"n": 1}}'
    )
    shown = await connect().dry_run(job(f"patch\napi_version: {cart}"))
    assert "+  n: 1" in shown.text
    await connect().run(job(f"patch\napi_version: {cart}"))
    assert cluster.objects["/apis/shop.example/v1/namespaces/shop/carts/c"]["spec"] == {"n": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PATCH.replace("Deployment", "Deploiment") + '{"a": 1}', "knows no Deploiment in apps/v1"),
        (PATCH.replace('namespace: "shop"\n', "") + '{"a": 1}', "is in a namespace: say which"),
        ('get\nkind: "Node"\nname: "n"\nnamespace: "shop"', "is in no namespace: leave it out"),
        (RESTART.replace("shop", "forbidden"), "the cluster forbids it: deployments is forbidden"),
    ],
)
async def test_what_the_cluster_does_not_do_says_why(cluster, connect, text, why):
    with pytest.raises(CallRefusedError, match=why):
        await connect().run(job(text))
    assert cluster.writes() == []


@pytest.mark.parametrize("ask", ["run", "dry_run"])
async def test_what_is_not_there_is_told_as_such(connect, ask):
    with pytest.raises(NotFoundError, match='"api" not found'):
        await getattr(connect(), ask)(job(RESTART))


REPLICA_SETS = "/apis/apps/v1/namespaces/shop/replicasets/api-{}"


@pytest.fixture
def revisions(cluster, api):
    """Three revisions of the deployment, the last of which is the present one."""
    uid = api()["metadata"]["uid"]
    for revision in (1, 2, 3):
        cluster.add(
            REPLICA_SETS.format(revision),
            {
                "metadata": {
                    "ownerReferences": [{"kind": "Deployment", "uid": uid}],
                    "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                },
                "spec": {
                    "template": {
                        "metadata": {"labels": {"app": "api", "pod-template-hash": "x"}},
                        "spec": {"containers": [{"name": "api", "image": f"api:{revision}"}]},
                    }
                },
            },
        )
    cluster.add(REPLICA_SETS.format(9), {"metadata": {"ownerReferences": []}})


UNDO = 'rollout_undo\nname: "api"\nnamespace: "shop"'


@pytest.mark.parametrize(("said", "image"), [("", "api:2"), ("\nrevision: 1", "api:1")])
async def test_a_rollout_is_undone(connect, api, revisions, said, image):
    shown = await connect().dry_run(job(UNDO + said))
    assert f"+      - image: {image}" in shown.text
    ended = await connect().run(job(UNDO + said))
    assert ended.exit_code == 0
    assert template(api())["spec"]["containers"] == [{"name": "api", "image": image}]
    assert template(api())["metadata"]["labels"] == {"app": "api"}


async def test_a_rollout_is_undone_once(cluster, connect, api, revisions):
    sent = job(UNDO)
    await connect().run(sent)
    await connect().run(sent)
    assert cluster.writes() == [API]


async def test_a_revision_that_is_not_there_is_told_with_those_that_are(connect, revisions):
    with pytest.raises(CallRefusedError, match="no revision 7: there are 1, 2, 3"):
        await connect().run(job(f"{UNDO}\nrevision: 7"))


async def test_what_changed_while_it_was_to_be_undone_is_left_alone(cluster, connect, revisions):
    cluster.controllers.clear()
    change_under_way(cluster)
    with pytest.raises(ConflictError, match="changed by somebody else meanwhile"):
        await connect().run(job(UNDO))


def change_under_way(cluster):
    """Somebody changes the deployment after it was read and before it is written."""
    patch = cluster._patch

    def changed_first(request, path, body, *, dry):
        cluster.change(API, {"metadata": {"labels": {"touched": "yes"}}})
        return patch(request, path, body, dry=dry)

    cluster._patch = changed_first


async def test_a_stateful_set_goes_back_by_its_controller_revisions(cluster, connect):
    place = "/apis/apps/v1/namespaces/shop/statefulsets/db"
    ready = {"readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 9}
    cluster.add(place, {"spec": {"replicas": 1, "template": {"v": 2}}, "status": ready})
    uid = cluster.objects[place]["metadata"]["uid"]
    for revision in (1, 2):
        spec = {"template": {"v": revision, "$patch": "replace"}}
        cluster.add(
            f"/apis/apps/v1/namespaces/shop/controllerrevisions/db-{revision}",
            {
                "metadata": {"ownerReferences": [{"uid": uid}]},
                "revision": revision,
                "data": {"spec": spec},
            },
        )
    text = 'rollout_undo\nkind: "statefulset"\nname: "db"\nnamespace: "shop"'
    assert (await connect().run(job(text))).exit_code == 0
    assert cluster.objects[place]["spec"] == {"replicas": 1, "template": {"v": 1}}


async def test_a_cluster_that_is_busy_for_a_moment_is_asked_again(cluster, connect, api):
    cluster.busy = [(503, "etcd leader changed"), (429, "too many requests"), (500, "internal")]
    assert (await connect().run(job(RESTART))).exit_code == 0


async def test_a_write_whose_answer_got_lost_is_done_once(cluster, connect, api, revisions):
    """The second time it looks like a conflict with somebody else."""
    patch, lost = cluster._patch, []

    def without_answer(request, path, body, *, dry):
        done = patch(request, path, body, dry=dry)
        if not lost:
            lost.append(path)
            cluster.busy.append((500, "the answer got lost"))
            raise RefusedError(500, "InternalError", "the answer got lost")
        return done

    cluster._patch = without_answer
    ended = await connect().run(job(UNDO))
    assert ended.exit_code == 0
    assert "was changed already" in ended.stdout


async def test_a_cluster_that_is_not_there_is_told_as_unreachable(connect, monkeypatch):
    monkeypatch.setattr(api_of_clusters, "PATIENCE", timedelta(seconds=0.2))
    connector = connect(server="https://127.0.0.1:1")
    with pytest.raises(TargetUnreachableError) as found:
        await connector.run(job(RESTART))
    assert not found.value.may_have_started


async def test_what_is_refused_half_way_fails_with_what_was_done(cluster, connect):
    cluster.add(NODE, {"kind": "Node", "spec": {}})
    cluster.add(pod_path("api", "forbidden"), pod())
    ended = await connect().run(job('drain\nnode: "node-1"'))
    assert (ended.exit_code, ended.stdout) == (1, "node node-1: changed\n")
    assert "the cluster forbids it" in ended.stderr


async def test_a_cluster_that_goes_away_after_a_change_leaves_it_unknown(
    cluster, connect, monkeypatch
):
    monkeypatch.setattr(api_of_clusters, "PATIENCE", timedelta(seconds=0.2))
    cluster.add(API, deployment())
    running = asyncio.create_task(connect().run(job(RESTART)))
    await until(lambda: cluster.watched)
    cluster.busy = [(503, "gone")] * 1000
    cluster.end_watches()
    with pytest.raises(TargetUnreachableError) as found:
        await running
    assert found.value.may_have_started
