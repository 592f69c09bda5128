"""Calls to clusters, Terraform and AWS: what goes through unchanged, and what is refused."""

import pytest

from shared.calls.call import MalformedCallError
from shared.calls.families import FAMILIES, parsed_as
from shared.lifecycle import Effect

WHOLE = [
    ("kubernetes", 'rollout_restart\nnamespace: "shop"\nkind: "daemonset"\nname: "api"'),
    ("kubernetes", 'scale\nnamespace: "shop"\nname: "api.v2"\nreplicas: 0\nwait: false'),
    ("kubernetes", 'logs\nnamespace: "shop"\nselector: "app in (a, b)"\nsince: "5m"'),
    ("kubernetes", 'exec\nnamespace: "shop"\npod: "a"\ncommand: ["sh", "-c", "it\'s \\"x\\""]'),
    ("kubernetes", 'job\nnamespace: "shop"\nspec: {"template": {"spec": {"containers": []}}}'),
    ("kubernetes", 'get\napi_version: "apps/v1"\nkind: "Deployment"\nexpect: "a == `1`"'),
    ("terraform", 'apply\nvariables: {"a": [1, "ü"]}\ntargets: ["module.a[\\"b\\"].c_d.e[0]"]'),
    ("terraform", "rollback"),
    ("aws", 'ssm_command\ninstances: ["mi-0123456789abcdef0"]\ncommands: ["df -h"]'),
    ("aws", 'lambda_invoke\nfunction: "f"\npayload: {"a": null}'),
]


@pytest.mark.parametrize(("uses", "text"), WHOLE)
def test_a_call_goes_through_its_model_unchanged(uses, text):
    assert parsed_as(uses, text).text() == text


@pytest.mark.parametrize(
    ("text", "replicas"), [('replicas: "3"', 3), ("replicas: 3", 3), ('replicas: "0"', 0)]
)
def test_a_value_that_a_runbook_put_in_as_text_is_taken_for_the_number_it_is(text, replicas):
    call = parsed_as("kubernetes", f'scale\nnamespace: "shop"\nname: "api"\n{text}')
    assert call.replicas == replicas


@pytest.mark.parametrize(
    ("uses", "text", "why"),
    [
        ("kubernetes", 'cordon\nnode: "a/../b"', "node: "),
        ("kubernetes", 'scale\nnamespace: "Shop"\nname: "a"\nreplicas: 1', "namespace: "),
        ("kubernetes", 'scale\nnamespace: "s"\nname: "a"\nreplicas: -1', "replicas: "),
        ("kubernetes", 'logs\nnamespace: "s"', "say which: pod or selector"),
        ("kubernetes", 'logs\nnamespace: "s"\nselector: "a&b"', "selector: "),
        ("kubernetes", 'job\nnamespace: "s"', "say what to run: cron_job or spec"),
        ("kubernetes", 'get\nkind: "Pod"\nexpect: "a ="', "expect: is no JMESPath"),
        (
            "kubernetes",
            'patch\napi_version: "v1"\nkind: "Pod"\nname: "a"\npatch: {"status": {}}',
            "no apiVersion, kind or status",
        ),
        (
            "kubernetes",
            'patch\napi_version: "v1"\nkind: "Pod"\nname: "a"\npatch: {"metadata": {"name": "b"}}',
            "labels and annotations only",
        ),
        ("kubernetes", 'exec\nnamespace: "s"\npod: "a"\ncommand: []', "command: "),
        ("terraform", 'taint\naddresses: ["-lock=false"]', "is no address of a resource"),
        ("terraform", 'apply\nvariables: {"a=b": 1}', "variables"),
        ("terraform", "set_variables\nvariables: {}", "variables: "),
        ("aws", 'ec2_stop\ninstances: ["i-1"]', "instances"),
        ("aws", "ec2_stop\ninstances: []", "instances: "),
        ("aws", 'ssm_command\ninstances: ["i-01234567"]', "say commands"),
        (
            "aws",
            'ssm_command\ninstances: ["i-01234567"]\ndocument: "AWS-RunPowerShellScript"',
            "only AWS-RunShellScript is used",
        ),
        (
            "aws",
            'ssm_command\ninstances: ["i-01234567"]\ndocument: "Mine"\ncommands: ["ls"]',
            "commands are for AWS-RunShellScript",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(uses, text, why):
    with pytest.raises(MalformedCallError, match=why):
        parsed_as(uses, text)


def test_only_what_looks_says_that_it_only_looks():
    looks = {
        model.action
        for uses in ("aws", "kubernetes", "terraform")
        for model in FAMILIES[uses]
        if model.effect is Effect.READ_ONLY
    }
    assert looks == {"get", "logs", "rollout_status", "plan", "output"}
