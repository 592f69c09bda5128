"""What a section of a cluster, a Terraform directory or an AWS account has to say."""

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.config.targets import Target

KEY = {"env": "KEY"}


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"connector": "kubernetes"}, "say one: kubeconfig, server, or in_cluster"),
        (
            {"connector": "kubernetes", "in_cluster": True, "kubeconfig": KEY},
            "say one: kubeconfig, server, or in_cluster",
        ),
        ({"connector": "kubernetes", "server": "https://a"}, "server and token go together"),
        ({"connector": "kubernetes", "server": "http://a", "token": KEY}, "server"),
        ({"connector": "kubernetes", "in_cluster": True, "context": "a"}, "say kubeconfig too"),
        ({"connector": "kubernetes", "kubeconfig": KEY, "ca": "/ca"}, "ca goes with server"),
        ({"connector": "kubernetes", "kubeconfig": KEY, "namespaces": []}, "namespaces"),
        ({"connector": "kubernetes", "in_cluster": True, "token": "abc"}, "not written here"),
        ({"connector": "terraform"}, "directory"),
        ({"connector": "terraform", "directory": "/a", "env": {"A-B": KEY}}, "env"),
        ({"connector": "terraform", "directory": "/a", "workspace": "a b"}, "workspace"),
        ({"connector": "aws", "region": "europe"}, "region"),
        ({"connector": "aws", "region": "eu-west-1", "access_key_id": KEY}, "go together"),
        ({"connector": "aws", "region": "eu-west-1", "session_token": KEY}, "access_key_id"),
        ({"connector": "aws", "region": "eu-west-1", "external_id": "a"}, "with role_arn"),
        ({"connector": "aws", "region": "eu-west-1", "role_arn": "admin"}, "role_arn"),
    ],
)
def test_a_section_that_makes_no_sense_is_refused_with_the_reason(section, why):
    with pytest.raises(ValidationError, match=why):
        TypeAdapter(Target).validate_python(section)
