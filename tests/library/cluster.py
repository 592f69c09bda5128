"""A cluster that speaks the API over HTTPS, with the few controllers that runbooks rely on."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta

from shared.config.targets import KubernetesTarget
from shared.connectors.kubernetes.access import Opening
from shared.connectors.kubernetes.connector import KubernetesConnector

_REVISION = "deployment.kubernetes.io/revision"
_SHOP = "/apis/apps/v1/namespaces/shop"
#: A release is called after what it does: it is well, it leaks, or it does not roll out.
_MEMORY = {"older": "0", "good": "214748Ki", "leaks": "930Mi", "stuck": "214748Ki"}


class ClusterTarget:
    """The cluster as a target; what happens in it are changes of its objects."""

    def __init__(self, server) -> None:
        self.server = server
        server.controllers.append(_rolls_out)

    def declared(self) -> KubernetesTarget:
        section = {"server": self.server.url, "ca": self.server.ca, "token": {"env": "KUBE_TOKEN"}}
        return KubernetesTarget.model_validate({"connector": "kubernetes", **section})

    def connector(self) -> KubernetesConnector:
        return KubernetesConnector(Opening.of("kubernetes", self.declared()), pause=0.01)

    def files(self) -> dict[str, str]:
        """All objects, without what changes with every write, by kind and name."""
        found = {}
        kept = {p: one for p, one in self.server.objects.items() if "/metrics.k8s.io/" not in p}
        for path, document in kept.items():
            shown = deepcopy(document)
            for noise in ("resourceVersion", "generation"):
                shown["metadata"].pop(noise, None)
            found["/".join(path.split("/")[-2:])] = json.dumps(shown, sort_keys=True)
        return found

    def pod(self, name, *, kind="ReplicaSet", ready=True, uid="old"):
        generated = name.rsplit("-", 1)[0] + "-"
        owners = [{"kind": kind, "name": generated[:-1], "uid": "u", "controller": True}]
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        meta = {"uid": uid, "generateName": generated, "ownerReferences": owners if kind else []}
        meta["creationTimestamp"] = _ago(timedelta(hours=1))
        status = {"phase": "Running", "conditions": conditions}
        self.server.add(
            f"/api/v1/namespaces/shop/pods/{name}",
            {"kind": "Pod", "metadata": meta, "spec": {}, "status": status},
        )

    def makes_anew(self, name, *, ready):
        """When a pod is deleted its controller makes this one."""

        def control(_server, path, found):
            if found is None and "/pods/" in path:
                self.pod(name, ready=ready, uid="new")

        self.server.controllers.append(control)

    def node(self, name, ready, *pressure):
        conditions = [{"type": "Ready", "status": ready, "message": "kubelet"}]
        conditions += [{"type": one, "status": "True"} for one in pressure]
        self.server.add(
            f"/api/v1/nodes/{name}", {"kind": "Node", "status": {"conditions": conditions}}
        )

    def is_ready(self, name):
        path = f"/api/v1/nodes/{name}"
        self.server.change(path, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})

    def deployment(self, *revisions, ago=timedelta(hours=1)):
        """A deployment with these revisions, each ``(number, image)``, the last one now."""
        for number, image in revisions:
            meta = {
                "annotations": {_REVISION: str(number)},
                "ownerReferences": [{"kind": "Deployment", "name": "shop", "uid": "deployment"}],
                "creationTimestamp": _ago(ago),
            }
            document = {"metadata": meta, "spec": {"template": _template(image)}}
            self.server.add(f"{_SHOP}/replicasets/shop-{number}", document)
        number, image = revisions[-1]
        self.server.add(
            f"{_SHOP}/deployments/shop",
            {
                "metadata": {"annotations": {_REVISION: str(number)}, "uid": "deployment"},
                "spec": {"replicas": 2, "template": _template(image)},
                "status": _status(image, 1, _ago(ago)),
            },
        )
        measure(self.server, image)

    def revisions(self):
        """The revisions that there are, and what each has."""
        return sorted(
            (int(one["metadata"]["annotations"][_REVISION]), _image(one))
            for path, one in self.server.objects.items()
            if "/replicasets/" in path
        )

    def job(self, name, kind="Failed"):
        owners = [{"kind": "CronJob", "name": "report", "uid": "c", "controller": True}]
        condition = {"type": kind, "status": "True", "reason": "BackoffLimitExceeded"}
        self.server.add(
            f"/apis/batch/v1/namespaces/shop/jobs/{name}",
            {"metadata": {"ownerReferences": owners}, "status": {"conditions": [condition]}},
        )

    def cron_job(self, ends):
        """The CronJob of those jobs, whose next run ends like this."""
        template = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}}
        self.server.add(
            "/apis/batch/v1/namespaces/shop/cronjobs/report", {"spec": {"jobTemplate": template}}
        )

        def control(server, path, found):
            if found is not None and "/jobs/again-" in path:
                condition = {"type": ends, "status": "True"}
                server.change(path, {"status": {"conditions": [condition]}})

        self.server.controllers.append(control)


def measure(server, image):
    """What the metrics API says of the pods of the deployment."""
    containers = [{"name": "shop", "usage": {"cpu": "12m", "memory": _MEMORY[image]}}]
    path = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods/shop-7d9f6c5b8-x2x4z"
    server.add(path, {"kind": "PodMetrics", "containers": containers})


def _rolls_out(server, path, found):
    """As the deployment controller: a template that was there before gets the next revision."""
    if found is None or not path.endswith("/deployments/shop"):
        return
    earlier, current = _with_image(server, _image(found)), found["metadata"]["annotations"]
    if server.objects[earlier]["metadata"]["annotations"][_REVISION] == current[_REVISION]:
        return
    revision = {"metadata": {"annotations": {_REVISION: str(int(current[_REVISION]) + 1)}}}
    server.change(earlier, revision)
    status = _status(_image(found), found["metadata"]["generation"], _ago(timedelta(0)))
    server.change(path, {**revision, "status": status})
    measure(server, _image(found))


def _with_image(server, image):
    """Where the replica set of a release is."""
    return next(
        path
        for path, one in server.objects.items()
        if "/replicasets/" in path and _image(one) == image
    )


def _template(image):
    return {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"image": image}]}}


def _image(found):
    return found["spec"]["template"]["spec"]["containers"][0]["image"]


def _status(image, generation, at):
    stuck = {"status": "False", "reason": "ProgressDeadlineExceeded", "message": "no image"}
    progress = {"status": "True"} if image != "stuck" else stuck
    ready = 2 if image != "stuck" else 1
    return {
        "observedGeneration": generation,
        "replicas": 2,
        "updatedReplicas": ready,
        "availableReplicas": ready,
        "conditions": [{"type": "Progressing", "lastUpdateTime": at, **progress}],
    }


def _ago(span):
    return (datetime.now(UTC) - span).strftime("%Y-%m-%dT%H:%M:%SZ")
