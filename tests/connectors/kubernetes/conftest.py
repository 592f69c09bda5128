"""A cluster to act on, with a few things in it."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.config.targets import KubernetesTarget
from shared.connectors.kubernetes.access import Opening
from shared.connectors.kubernetes.connector import KubernetesConnector
from shared.connectors.protocol import Job
from shared.lifecycle import Effect
from tests.connectors.kubernetes.cluster import running

API = "/apis/apps/v1/namespaces/shop/deployments/api"
NODE = "/api/v1/nodes/node-1"


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path) as found:
        yield found


@pytest.fixture
async def connect(cluster, monkeypatch):
    """Makes connectors, each as another executor would have its own."""
    monkeypatch.setenv("CLUSTER_TOKEN", "good")
    made = []

    def connector(**said):
        section = {"server": cluster.url, "ca": cluster.ca, "token": {"env": "CLUSTER_TOKEN"}}
        target = KubernetesTarget.model_validate(
            {"connector": "kubernetes", **({} if "kubeconfig" in said else section), **said}
        )
        made.append(KubernetesConnector(Opening.of("prod", target), pause=0.01))
        return made[-1]

    yield connector
    for one in made:
        await one.close()


def job(text, *, key=None, seconds=60, effect=Effect.ONCE):
    return Job(key or f"step-{uuid4().hex}", text, timedelta(seconds=seconds), effect)


def deployment(replicas=2, image="api:3"):
    container = {"name": "api", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
    }


def roll_out(cluster, path, found):
    """What the deployment controller does, at once."""
    if "/deployments/" not in path or found is None:
        return
    wanted, seen = found["spec"]["replicas"], found["metadata"]["generation"]
    half = {"observedGeneration": seen, "replicas": wanted, "updatedReplicas": wanted // 2}
    cluster.change(path, {"status": half})
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    cluster.change(path, {"status": dict.fromkeys(counts, wanted)})


def pod(node="node-1", *, owner="ReplicaSet", phase="Running", volumes=(), annotations=None):
    owners = [{"kind": owner, "name": "x", "uid": "u", "controller": True}] if owner else []
    return {
        "kind": "Pod",
        "metadata": {"ownerReferences": owners, "annotations": annotations or {}},
        "spec": {"nodeName": node, "volumes": list(volumes)},
        "status": {"phase": phase},
    }


def pod_path(name, namespace="shop"):
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


@pytest.fixture
def api(cluster):
    """A deployment whose changes come through."""
    cluster.controllers.append(roll_out)
    cluster.add(API, deployment())
    return lambda: cluster.objects[API]
