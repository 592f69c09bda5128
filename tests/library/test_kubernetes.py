"""The runbooks for Kubernetes repair what they say."""

from datetime import timedelta

import pytest

from shared.lifecycle import SessionState, StepState
from tests.connectors.kubernetes.cluster import running
from tests.library.machines import changed
from tests.library.site import firing

POD = "shop-7d9f6c5b8-x2x4z"
NEXT = "shop-7d9f6c5b8-new01"
OTHER = "shop-7d9f6c5b8-aaaaa"
CRASHING = firing("KubePodCrashLooping", {"namespace": "shop", "pod": POD, "container": "shop"})


@pytest.fixture
async def cluster(site, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBE_TOKEN", "good")
    async with running(tmp_path) as server:
        yield site.cluster(server)
        await site.close()


@pytest.fixture
def helm(site):
    return site.machine("helm", "helm")


def pods(cluster, kind="ReplicaSet"):
    cluster.pod(POD, kind=kind, ready=False)
    cluster.pod(OTHER, uid="other")
    cluster.pod("cart-5-bbbbb", ready=False, uid="cart")


async def test_a_pod_that_crashes_is_made_anew(site, cluster):
    pods(cluster)
    cluster.makes_anew(NEXT, ready=True)
    before = site.files()

    session = await site.repaired(CRASHING)

    assert changed(before, site) == {f"kubernetes/pods/{POD}", f"kubernetes/pods/{NEXT}"}
    assert 'given: {"uid": "old"}' in session.step("delete").check


async def test_a_pod_that_was_made_anew_meanwhile_is_not_deleted_again(site, cluster):
    pods(cluster, "StatefulSet")
    plan = site.plan(CRASHING)
    cluster.server.controllers.append(lambda *_: None)

    def made_anew():
        cluster.server.remove(f"/api/v1/namespaces/shop/pods/{POD}")
        cluster.pod(POD, kind="StatefulSet", uid="new")

    session = await site.run(plan, before_yes=made_anew)
    assert session.run("delete").state is StepState.SUCCEEDED
    assert cluster.server.writes("DELETE") == []
    assert await site.is_well(plan)


async def test_a_pod_that_crashes_again_is_not_called_mended(site, cluster):
    pods(cluster)
    cluster.makes_anew(NEXT, ready=False)
    plan = site.plan(CRASHING)
    await site.run(plan)
    assert not await site.is_well(plan)


@pytest.mark.parametrize("kind", ["", "Job"])
async def test_a_pod_that_nobody_would_make_anew_is_left_alone(site, cluster, kind):
    pods(cluster, kind)
    await site.left_alone(CRASHING)


DEPLOYMENT = {"namespace": "shop", "deployment": "shop"}
STUCK = firing("KubeDeploymentRolloutStuck", DEPLOYMENT)


async def test_a_rollout_that_is_stuck_is_taken_back(site, cluster):
    cluster.deployment((2, "older"), (3, "good"), (4, "stuck"))
    before = site.files()

    session = await site.repaired(STUCK)

    assert 'revision: "3"' in session.step("undo").run.splitlines()
    assert cluster.revisions() == [(2, "older"), (4, "stuck"), (5, "good")]
    assert changed(before, site) == {
        "kubernetes/deployments/shop",
        "kubernetes/replicasets/shop-3",
    }
    await site.taken_back(session, "undo")
    assert cluster.revisions()[-1] == (6, "stuck")


async def test_a_rollout_that_got_on_by_itself_is_not_taken_back(site, cluster):
    cluster.deployment((3, "good"), (4, "leaks"))
    before = site.files()
    session = await site.run(site.plan(STUCK))
    assert session.run("undo").state is StepState.SKIPPED
    assert site.files() == before


async def test_a_rollout_that_somebody_took_back_meanwhile_is_left_as_it_is(site, cluster):
    cluster.deployment((3, "good"), (4, "stuck"))

    def taken_back():
        path = "/apis/apps/v1/namespaces/shop/deployments/shop"
        template = cluster.server.objects[path.replace("deployments/shop", "replicasets/shop-3")]
        cluster.server.change(path, {"spec": {"template": template["spec"]["template"]}})

    session = await site.run(site.plan(STUCK), before_yes=taken_back)
    assert session.run("undo").state is StepState.SUCCEEDED
    assert cluster.revisions() == [(4, "stuck"), (5, "good")]
    assert cluster.server.writes() == []


async def test_a_rollout_without_an_earlier_revision_is_not_taken_back(site, cluster):
    cluster.deployment((4, "stuck"))
    session = await site.left_alone(STUCK)
    assert session.state is SessionState.FAILED
    assert "before" in session.run("undo").reason


LEAKING = firing("MemoryLeakAfterDeploy", DEPLOYMENT, {"healthy_memory_mb": "400"})


async def test_a_release_that_leaks_is_rolled_back(site, cluster):
    cluster.deployment((3, "good"), (4, "leaks"))
    session = await site.repaired(LEAKING)
    assert 'revision: "3"' in session.step("undo").run.splitlines()
    assert cluster.revisions() == [(4, "leaks"), (5, "good")]


async def test_memory_is_not_blamed_on_an_old_release(site, cluster):
    cluster.deployment((3, "good"), (4, "leaks"), ago=timedelta(days=9))
    session = await site.left_alone(LEAKING)
    assert session.run("undo").state is StepState.SKIPPED


FAILED = firing(
    "KubeJobFailed", {"namespace": "shop", "job_name": "report-29", "condition": "true"}
)


async def test_a_failed_job_runs_again_and_only_then_goes(site, cluster):
    cluster.job("report-29")
    cluster.job("report-28")
    cluster.cron_job("Complete")
    before = site.files()

    await site.repaired(FAILED)

    gone, made = sorted(changed(before, site), reverse=True)
    assert gone == "kubernetes/jobs/report-29"
    assert made.startswith("kubernetes/jobs/again-")


async def test_a_job_that_fails_again_keeps_its_failed_run(site, cluster):
    cluster.job("report-29")
    cluster.cron_job("Failed")
    session = await site.run(site.plan(FAILED))
    assert session.state is SessionState.FAILED
    assert "jobs/report-29" in cluster.files()


NOT_READY = firing("KubeNodeNotReady", {"node": "node-1", "condition": "Ready"})


def silent(site, cluster, *pressure, runtime="failed"):
    """A node whose kubelet, when it starts and its runtime runs, becomes ready."""
    cluster.node("node-1", "Unknown", *pressure)
    node = site.machine("node-1", "systemctl", "journalctl")
    node.unit("kubelet", "active")
    node.unit("containerd", runtime)
    node.unit("sshd", "active")
    node.write("journal/kubelet", "container runtime is down\n")
    node.hook("kubelet.service.restart", "grep -q active units/containerd.service && touch up\n")
    return node


async def test_a_node_becomes_ready_again(site, cluster):
    node = silent(site, cluster)
    before = site.files()
    plan = site.plan(NOT_READY)
    assert not await site.is_well(plan)

    session = await site.run(plan)

    assert session.state is SessionState.SUCCEEDED, session.tried()
    assert node.read("units/containerd.service") == "active 2\n"
    assert changed(before, site) == {
        "node-1/up",
        "node-1/units/containerd.service",
        "node-1/units/kubelet.service",
    }
    cluster.is_ready("node-1")
    assert await site.is_well(plan)


async def test_a_runtime_that_runs_is_not_restarted(site, cluster):
    node = silent(site, cluster, runtime="active")
    session = await site.run(site.plan(NOT_READY))
    assert session.state is SessionState.SUCCEEDED
    assert session.run("restart-runtime").state is StepState.SKIPPED
    assert node.read("units/containerd.service") == "active 1\n"


async def test_a_node_under_pressure_is_left_alone(site, cluster):
    silent(site, cluster, "DiskPressure")
    await site.left_alone(NOT_READY)


SLOW = firing(
    "HighLatencyAfterChange",
    {"namespace": "shop", "release": "shop"},
    {"probe_url": "http://shop.example.com/health"},
)


async def test_a_change_that_made_answers_slow_is_rolled_back(site, helm):
    helm.ends("curl", 28)
    helm.write("helm/shop", "5 superseded\n6 superseded\n7 deployed\n")
    session = await site.repaired(SLOW)
    assert " rollback shop 6 " in session.step("rollback").run
    assert helm.read("helm/shop") == "5 superseded\n6 superseded\n7 superseded\n8 deployed\n"


async def test_a_service_that_fails_without_being_slow_is_not_rolled_back(site, helm):
    helm.ends("curl", 22)
    helm.write("helm/shop", "6 superseded\n7 deployed\n")
    await site.left_alone(SLOW)
