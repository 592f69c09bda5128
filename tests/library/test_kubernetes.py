"""The runbooks for Kubernetes repair what they say."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.lifecycle import SessionState, StepState
from tests.library.machines import changed
from tests.library.site import firing

POD = "shop-7d9f6c5b8-x2x4z"
OTHERS = (
    "shop-7d9f6c5b8-aaaaa 1/1 Running 0 3h 0a-2 ReplicaSet\n"
    "cart-5-bbbbb 0/1 Pending 0 1h 0a-3 ReplicaSet\n"
)
CRASHING = firing("KubePodCrashLooping", {"namespace": "shop", "pod": POD, "container": "shop"})


@pytest.fixture
def cluster(site):
    made = site.machine("kubernetes", "kubectl", "helm")
    made.write("kube/told", "Last State: Terminated\n  Reason: Error\n")
    made.write("kube/nodes/node-1", "True")
    return made


def pods(cluster, kind="ReplicaSet"):
    cluster.write("kube/pods", f"{POD} 0/1 CrashLoopBackOff 12 40m 0a-1 {kind}\n{OTHERS}")


async def test_a_pod_that_crashes_is_made_anew(site, cluster):
    pods(cluster)
    cluster.write("kube/next-pod", "shop-7d9f6c5b8-new01 1/1 Running 0 10s 0a-9 ReplicaSet\n")
    before = site.files()

    session = await site.repaired(CRASHING)

    assert changed(before, site) == {"kubernetes/kube/pods"}
    assert OTHERS in cluster.read("kube/pods")
    assert session.step("delete").check.rstrip().endswith("!= 0a-1")


async def test_a_pod_that_crashes_again_is_not_called_mended(site, cluster):
    pods(cluster)
    cluster.write(
        "kube/next-pod", "shop-7d9f6c5b8-new01 0/1 CrashLoopBackOff 1 10s 0a-9 ReplicaSet\n"
    )
    plan = site.plan(CRASHING)
    await site.run(plan)
    assert not await site.is_well(plan)


@pytest.mark.parametrize("kind", ["", "Job"])
async def test_a_pod_that_nobody_would_make_anew_is_left_alone(site, cluster, kind):
    pods(cluster, kind)
    await site.left_alone(CRASHING)


def deployed(cluster, *, ago=timedelta(hours=1)):
    """Revision 4 is bad, 3 was good; 2 was before that, and its memory is not looked at."""
    at = datetime.now(UTC) - ago
    cluster.write("kube/deployments/shop", "4")
    cluster.write("kube/deployments/shop.revisions", "2 bad\n3 good\n4 bad\n")
    cluster.write("kube/deployments/shop.released", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    cluster.write("kube/pods", f"{POD} 1/1 Running 0 1h 0a-1 ReplicaSet\n")


DEPLOYMENT = {"namespace": "shop", "deployment": "shop"}


async def test_a_rollout_that_is_stuck_is_taken_back(site, cluster):
    deployed(cluster)
    before = site.files()

    session = await site.repaired(firing("KubeDeploymentRolloutStuck", DEPLOYMENT))

    assert session.step("undo").run.endswith("--to-revision=3")
    assert cluster.read("kube/deployments/shop.revisions") == "2 bad\n4 bad\n5 good\n"
    assert changed(before, site) == {
        "kubernetes/kube/deployments/shop",
        "kubernetes/kube/deployments/shop.revisions",
    }
    await site.taken_back(session, "undo")
    assert cluster.read("kube/deployments/shop.revisions").endswith("6 bad\n")


async def test_a_rollout_that_got_on_by_itself_is_not_taken_back(site, cluster):
    deployed(cluster)
    cluster.write("kube/deployments/shop.revisions", "3 good\n4 good\n")
    before = site.files()
    session = await site.run(site.plan(firing("KubeDeploymentRolloutStuck", DEPLOYMENT)))
    assert session.run("undo").state is StepState.SKIPPED
    assert site.files() == before


async def test_a_rollout_without_an_earlier_revision_is_not_taken_back(site, cluster):
    deployed(cluster)
    cluster.write("kube/deployments/shop.revisions", "4 bad\n")
    session = await site.left_alone(firing("KubeDeploymentRolloutStuck", DEPLOYMENT))
    assert session.state is SessionState.FAILED
    assert "before" in session.run("undo").reason


LEAKING = firing("MemoryLeakAfterDeploy", DEPLOYMENT, {"healthy_memory_mb": "400"})


async def test_a_release_that_leaks_is_rolled_back(site, cluster):
    deployed(cluster)
    session = await site.repaired(LEAKING)
    assert session.step("undo").run.endswith("--to-revision=3")


async def test_memory_is_not_blamed_on_an_old_release(site, cluster):
    deployed(cluster, ago=timedelta(days=9))
    session = await site.left_alone(LEAKING)
    assert session.run("ready").state is StepState.SKIPPED


FAILED = firing(
    "KubeJobFailed", {"namespace": "shop", "job_name": "report-29", "condition": "true"}
)


async def test_a_failed_job_runs_again_and_only_then_goes(site, cluster):
    cluster.write("kube/jobs/report-29", "failed\n")
    cluster.write("kube/jobs/export-3", "failed\n")
    cluster.write("kube/next-job", "complete\n")
    before = site.files()

    await site.repaired(FAILED)

    assert changed(before, site) == {
        "kubernetes/kube/jobs/report-29",
        "kubernetes/kube/jobs/report-29-again",
    }


async def test_a_job_that_fails_again_keeps_its_failed_run(site, cluster):
    cluster.write("kube/jobs/report-29", "failed\n")
    cluster.write("kube/next-job", "failed\n")
    session = await site.run(site.plan(FAILED))
    assert session.state is SessionState.FAILED
    assert cluster.read("kube/jobs/report-29") == "failed\n"


NOT_READY = firing("KubeNodeNotReady", {"node": "node-1", "condition": "Ready"})


def silent(site, cluster, *, runtime="failed"):
    """A node whose kubelet, when it starts and its runtime runs, becomes ready."""
    cluster.write("kube/nodes/node-1", "Unknown")
    node = site.machine("node-1", "systemctl", "journalctl")
    node.unit("kubelet", "active")
    node.unit("containerd", runtime)
    node.unit("sshd", "active")
    node.write("journal/kubelet", "container runtime is down\n")
    ready = (
        f"grep -q active units/containerd.service && printf True >{cluster.state}/kube/nodes/node-1"
    )
    node.hook("kubelet.service.restart", f"{ready}\n")
    return node


async def test_a_node_becomes_ready_again(site, cluster):
    node = silent(site, cluster)
    before = site.files()

    await site.repaired(NOT_READY)

    assert node.read("units/containerd.service") == "active 2\n"
    assert changed(before, site) == {
        "kubernetes/kube/nodes/node-1",
        "node-1/units/containerd.service",
        "node-1/units/kubelet.service",
    }


async def test_a_runtime_that_runs_is_not_restarted(site, cluster):
    node = silent(site, cluster, runtime="active")
    session = await site.repaired(NOT_READY)
    assert session.run("restart-runtime").state is StepState.SKIPPED
    assert node.read("units/containerd.service") == "active 1\n"


async def test_a_node_under_pressure_is_left_alone(site, cluster):
    silent(site, cluster)
    cluster.write("kube/pressure", "DiskPressure")
    await site.left_alone(NOT_READY)


SLOW = firing(
    "HighLatencyAfterChange",
    {"namespace": "shop", "release": "shop"},
    {"probe_url": "http://shop.example.com/health"},
)


async def test_a_change_that_made_answers_slow_is_rolled_back(site, cluster):
    cluster.ends("curl", 28)
    cluster.write("helm/shop", "5 superseded\n6 superseded\n7 deployed\n")
    session = await site.repaired(SLOW)
    assert " rollback shop 6 " in session.step("rollback").run
    assert cluster.read("helm/shop") == "5 superseded\n6 superseded\n7 superseded\n8 deployed\n"


async def test_a_service_that_fails_without_being_slow_is_not_rolled_back(site, cluster):
    cluster.ends("curl", 22)
    cluster.write("helm/shop", "6 superseded\n7 deployed\n")
    await site.left_alone(SLOW)
