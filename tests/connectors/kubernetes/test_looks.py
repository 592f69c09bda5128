"""Looks at a cluster, who may look, and where."""

import json

import pytest
import yaml
from kubernetes_asyncio.config import incluster_config

from services.verifier.looks.command import CommandLook
from shared.calls.call import MalformedCallError
from shared.connectors.protocol import LoginRefusedError, TargetUnusableError
from shared.connectors.underway import CallRefusedError
from shared.events import CommandCheck
from tests.connectors.kubernetes.conftest import API, deployment, job, pod, pod_path

GET = 'get\napi_version: "apps/v1"\nkind: "Deployment"\nname: "api"\nnamespace: "shop"'
SOON = job("").timeout


async def test_an_object_is_shown_without_what_only_machines_read(cluster, connect):
    applied = "kubectl.kubernetes.io/last-applied-configuration"
    cluster.add(API, deployment() | {"metadata": {"annotations": {applied: "{}", "a": "b"}}})
    cluster.change(API, {"metadata": {"managedFields": [{}]}})
    found = json.loads((await connect().run(job(GET))).stdout)
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert "managedFields" not in found["metadata"]


async def test_a_part_of_it_is_shown(cluster, connect):
    cluster.add(API, deployment())
    ended = await connect().run(job(f'{GET}\nshow: "spec.replicas"'))
    assert ended.stdout == "2\n"


@pytest.mark.parametrize(("replicas", "code"), [(2, 0), (3, 1)])
async def test_as_a_check_it_says_whether_it_is_as_expected(cluster, connect, replicas, code):
    cluster.add(API, deployment())
    check = f'{GET}\nexpect: "spec.replicas == `{replicas}`"'
    assert (await connect().read(check, timeout=SOON)).exit_code == code


PODS = 'get\nkind: "Pod"\nnamespace: "shop"'


@pytest.mark.parametrize(
    ("expect", "code"),
    [
        ("contains(items[].metadata.name, given.name)", 0),
        ("items[?metadata.name == given.name]", 0),
        ("items[?metadata.name != given.name]", 1),
        ("age(items[0].metadata.creationTimestamp) < `86400`", 1),
        ("age(items[0].metadata.creationTimestamp) > `86400`", 0),
        ("quantity(given.size) == `1048576`", 0),
        ("quantity('250m') < `1` && quantity('3k') == `3000` && quantity('7') == `7`", 0),
        ("quantity('much') == `null` && age('yesterday') == `null`", 0),
    ],
)
async def test_what_is_expected_may_depend_on_values_ages_and_quantities(
    cluster, connect, expect, code
):
    cluster.add(pod_path("web-1"), {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}})
    given = 'given: {"name": "web-1", "size": "1Mi"}'
    check = f"{PODS}\nexpect: {json.dumps(expect)}\n{given}"
    assert (await connect().read(check, timeout=SOON)).exit_code == code


async def test_what_cannot_be_worked_out_is_said_and_not_true(connect):
    check = f'{PODS}\nexpect: "length(`1`)"'
    with pytest.raises(CallRefusedError, match="cannot be worked out"):
        await connect().read(check, timeout=SOON)


async def test_objects_are_found_by_their_labels(cluster, connect):
    for name, app in (("web-1", "web"), ("db-0", "db")):
        labelled = pod()
        labelled["metadata"]["labels"] = {"app": app}
        cluster.add(pod_path(name), labelled)
    text = 'get\nkind: "Pod"\nnamespace: "shop"\nselector: "app=web"\nshow: "items[].metadata.name"'
    assert json.loads((await connect().run(job(text))).stdout) == ["web-1"]


async def test_secrets_are_not_read(connect):
    with pytest.raises(MalformedCallError, match="secrets are not read"):
        await connect().run(job('get\nkind: "Secret"\nname: "s"\nnamespace: "shop"'))


@pytest.mark.parametrize(("available", "code"), [(2, 0), (1, 1)])
async def test_as_a_check_a_rollout_is_through_or_not(cluster, connect, available, code):
    cluster.add(API, deployment())
    counts = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": available}
    cluster.change(API, {"status": {"observedGeneration": 1, **counts}})
    text = 'rollout_status\nname: "api"\nnamespace: "shop"'
    assert (await connect().read(text, timeout=SOON)).exit_code == code


async def test_a_check_only_looks(connect):
    with pytest.raises(CallRefusedError, match="cordon changes something"):
        await connect().read('cordon\nnode: "node-1"', timeout=SOON)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (GET.replace('"shop"', '"kube-system"'), "namespace kube-system"),
        ('cordon\nnode: "node-1"', "the whole cluster"),
        ('get\nkind: "Node"', "the whole cluster"),
    ],
)
async def test_a_target_stays_in_its_namespaces(cluster, connect, text, where):
    connector = connect(namespaces=["shop", "web"])
    for ask in (connector.run, connector.dry_run, connector.reattach):
        with pytest.raises(CallRefusedError, match=f"reaches {where}, this target only shop, web"):
            await ask(job(text))
    assert cluster.asked == []


async def test_credentials_that_are_refused_are_told_as_such(cluster, connect):
    cluster.tokens = {"other"}
    with pytest.raises(LoginRefusedError, match="does not accept the credentials"):
        await connect().run(job(GET))


async def test_a_server_with_a_certificate_that_nobody_vouches_for_is_not_talked_to(
    cluster, connect
):
    with pytest.raises(TargetUnusableError, match="certificate is not trusted"):
        await connect(ca=None).run(job(GET))
    assert cluster.asked == []


def kubeconfig(cluster, token):
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "other",
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": name}} for name in ("prod", "other")
        ],
        # Relative to the file, as kubectl reads it.
        "clusters": [
            {"name": "c", "cluster": {"server": cluster.url, "certificate-authority": "ca.pem"}}
        ],
        "users": [
            {"name": "prod", "user": {"token": token}},
            {"name": "other", "user": {"token": "bad"}},
        ],
    }


async def test_a_kubeconfig_and_its_context_are_used(cluster, connect, tmp_path):
    cluster.add(API, deployment())
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig(cluster, "good")))
    said = {"kubeconfig": {"file": path}, "context": "prod"}
    assert (await connect(**said).run(job(GET))).exit_code == 0
    with pytest.raises(LoginRefusedError):
        await connect(kubeconfig={"file": path}).run(job(GET))


async def test_a_token_that_has_run_out_is_read_again(cluster, connect, tmp_path):
    cluster.add(API, deployment())
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig(cluster, "good")))
    connector = connect(kubeconfig={"file": path}, context="prod")
    await connector.run(job(GET))
    cluster.tokens = {"newer"}
    path.write_text(yaml.safe_dump(kubeconfig(cluster, "newer")))
    assert (await connector.run(job(GET))).exit_code == 0


async def test_a_plugin_of_the_kubeconfig_gives_the_token_and_a_new_one(cluster, connect, tmp_path):
    cluster.add(API, deployment())
    token = tmp_path / "token"
    token.write_text("good")
    head = '"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"'
    said = f'{{{head},"status":{{"token":"%s"}}}}'
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", f"printf '{said}' \"$(cat '{token}')\""],
        "interactiveMode": "Never",
    }
    made = kubeconfig(cluster, "bad")
    made["users"][0]["user"] = {"exec": plugin}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(made))
    connector = connect(kubeconfig={"file": path}, context="prod")
    assert (await connector.run(job(GET))).exit_code == 0
    cluster.tokens = {"newer"}
    token.write_text("newer")
    assert (await connector.run(job(GET))).exit_code == 0


async def test_in_a_cluster_the_account_of_the_pod_is_used(cluster, connect, tmp_path, monkeypatch):
    cluster.add(API, deployment())
    token = tmp_path / "token"
    token.write_text("good")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(cluster.ca))
    host, port = cluster.url.removeprefix("https://").split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    inside = {"in_cluster": True, "server": None, "ca": None, "token": None}
    assert (await connect(**inside).run(job(GET))).exit_code == 0


async def test_outside_of_a_cluster_no_pod_has_an_account(connect, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    inside = {"in_cluster": True, "server": None, "ca": None, "token": None}
    with pytest.raises(TargetUnusableError, match="Service host/port is not set"):
        await connect(**inside).run(job(GET))


@pytest.mark.parametrize(
    "text", ["clusters: []\ncontexts: []\nusers: []\n", "just a word", "- a list", "clusters: 3"]
)
async def test_a_kubeconfig_that_cannot_be_used_says_why(connect, tmp_path, text):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(TargetUnusableError, match="the way into prod cannot be used"):
        await connect(kubeconfig={"file": path}, context="prod").run(job(GET))


@pytest.mark.parametrize(("replicas", "true"), [(2, True), (3, False)])
async def test_the_verifier_asks_a_cluster(cluster, connect, replicas, true):
    cluster.add(API, deployment())

    class Targets:
        def open(self, _target):
            return connect()

    run = f'{GET}\nexpect: "spec.replicas == `{replicas}`"'
    check = CommandCheck(uses="kubernetes", target="prod", run=run)
    assert (await CommandLook(Targets()).look(check)).true is true
