"""Libraries that not everybody has are imported for the first target that needs them."""

import subprocess
import sys

import pytest

from shared.config import Config
from shared.connectors.aws.connector import AwsConnector
from shared.connectors.kubernetes.connector import KubernetesConnector
from shared.connectors.registry import Connectors
from shared.connectors.terraform.connector import TerraformConnector

HEAVY = {"aioboto3": "aws", "kubernetes_asyncio": "kubernetes"}


@pytest.fixture
def connectors(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "open sesame")
    token = {"env": "TOKEN"}
    role = "arn:aws:iam::123456789012:role/handrail"
    targets = {
        "infra": {"connector": "terraform", "directory": "/srv/infra", "env": {"TF_VAR_x": token}},
        "prod": {"connector": "kubernetes", "server": "https://10.0.0.1:6443", "token": token},
        "aws": {"connector": "aws", "region": "eu-west-1", "role_arn": role},
    }
    return Connectors(Config.model_validate({"targets": targets}), tmp_path)


@pytest.mark.parametrize(
    ("target", "kind", "where"),
    [
        ("infra", TerraformConnector, "/srv/infra, workspace default (terraform)"),
        ("prod", KubernetesConnector, "https://10.0.0.1:6443 (kubernetes)"),
        ("aws", AwsConnector, "eu-west-1, as arn:aws:iam::123456789012:role/handrail (aws)"),
    ],
)
async def test_a_target_has_its_connector_and_says_where_it_is(connectors, target, kind, where):
    assert isinstance(connectors.open(target), kind)
    assert connectors.describe(target) == where
    assert connectors.secrets() == ("open sesame",)
    await connectors.close()


_OPEN = """
import sys
from pathlib import Path
sys.modules[sys.argv[1]] = None
from shared.config import Config
from shared.connectors.registry import Connectors
target = {"connector": "aws", "region": "eu-west-1"}
if sys.argv[2] == "kubernetes":
    target = {"connector": "kubernetes", "in_cluster": True}
try:
    Connectors(Config.model_validate({"targets": {"x": target}}), Path(".")).open("x")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("library", HEAVY)
def test_a_library_that_is_missing_says_what_to_install(library):
    told = python(_OPEN, library, HEAVY[library])
    missing = f"{library} is not installed: pip install 'handrail[{HEAVY[library]}]'"
    assert told == f"TargetUnusableError {missing}\n"


def test_nothing_heavy_is_imported_before_it_is_needed():
    found = python("import sys, shared.connectors.registry; print(*sys.modules)")
    loaded = {name.split(".")[0] for name in found.split()}
    assert loaded & {*HEAVY, "aiobotocore", "botocore", "boto3", "aiohttp"} == set()


def python(code, *arguments):
    argv = (sys.executable, "-c", code, *arguments)
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
