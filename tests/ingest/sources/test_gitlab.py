"""GitLab's events, read."""

import json
from datetime import UTC, datetime

import pytest

from services.ingest.sources.gitlab import parse
from services.ingest.webhook import Webhook
from tests.ingest.sources.contract import assert_contract

PROJECT = {
    "id": 380,
    "name": "Shop",
    "path_with_namespace": "web/shop",
    "namespace": "web",
    "web_url": "https://gitlab.example.com/web/shop",
    "default_branch": "main",
}


def hook(said, event):
    return Webhook("gitlab", json.dumps(said).encode(), {"x-gitlab-event": event} if event else {})


def pipeline(status="failed", header="Pipeline Hook", **fields):
    said = {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": 3101,
            "iid": 31,
            "name": None,
            "ref": "main",
            "tag": False,
            "sha": "bcbb5ec396a2c0f828686f14fac9b80b780504f2",
            "source": "push",
            "status": status,
            "detailed_status": status,
            "stages": ["build", "deploy"],
            "created_at": "2026-03-01 09:50:00 UTC",
            "finished_at": "2026-03-01 10:00:00 UTC",
            "duration": 600,
            "variables": [],
            "url": "https://gitlab.example.com/web/shop/-/pipelines/3101",
            **fields,
        },
        "merge_request": None,
        "user": {"id": 3, "username": "dev"},
        "project": PROJECT,
        "commit": {"id": "bcbb5ec396a2c0f828686f14fac9b80b780504f2", "title": "Raise the pool"},
        "builds": [],
    }
    return hook(said, header)


def job(status="failed", **fields):
    said = {
        "object_kind": "build",
        "ref": "main",
        "tag": False,
        "sha": "bcbb5ec396a2c0f828686f14fac9b80b780504f2",
        "build_id": 1977,
        "build_name": "deploy-web",
        "build_stage": "deploy",
        "build_status": status,
        "build_started_at": "2026-03-01 09:58:00 UTC",
        "build_finished_at": "2026-03-01 10:00:00 UTC",
        "build_duration": 120.2,
        "build_allow_failure": False,
        "build_failure_reason": "script_failure" if status == "failed" else "unknown_failure",
        "pipeline_id": 3101,
        "project_id": 380,
        "project_name": "Web / Shop",
        "project": PROJECT,
        "user": {"id": 3, "username": "dev"},
        "runner": None,
        "environment": None,
        **fields,
    }
    return hook(said, "Job Hook")


def deployment(status="failed", environment="production", **fields):
    said = {
        "object_kind": "deployment",
        "status": status,
        "status_changed_at": "2026-03-01 11:00:00 +0100",
        "deployment_id": 15,
        "deployable_id": 796,
        "deployable_url": "https://gitlab.example.com/web/shop/-/jobs/796",
        "environment": environment,
        "environment_tier": environment,
        "environment_slug": environment,
        "environment_external_url": "https://shop.example.com",
        "project": PROJECT,
        "ref": "main",
        "short_sha": "279484c0",
        "user": {"id": 3, "username": "dev"},
        "commit_title": "Raise the pool",
        **fields,
    }
    return hook(said, "Deployment Hook")


MALFORMED = [
    Webhook("gitlab", b""),
    Webhook("gitlab", b"{"),
    hook([], "Pipeline Hook"),
    hook({}, "Pipeline Hook"),
    hook({"object_kind": "pipeline"}, "Pipeline Hook"),
    hook({"object_kind": "merge_request"}, "Pipeline Hook"),
    hook({}, "Push Hook"),
    pipeline(ref=None),
    pipeline(finished_at="then"),
    pipeline(tag="perhaps"),
    job(project_id=None),
    job(build_name=[]),
    deployment(environment=""),
]


def test_pipelines_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=pipeline(),
        resolved=pipeline("success", id=3102, sha="0" * 40, source="web"),
        second=pipeline(ref="stable"),
        again=[pipeline(id=3102), pipeline(header="System Hook"), pipeline(header="")],
        malformed=MALFORMED,
    )


def test_jobs_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=job(),
        resolved=job("success", build_id=1978),
        second=job(build_name="deploy-db"),
        again=[job(build_failure_reason="runner_system_failure")],
    )


def test_deployments_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=deployment(),
        resolved=deployment("success", ref="hotfix"),
        second=deployment(environment="staging"),
        again=[deployment(deployable_id=797)],
    )


def test_what_a_pipeline_says_is_taken_over():
    (alert,) = parse(pipeline())
    assert (alert.name, alert.title) == ("Pipeline", "Pipeline on main of web/shop: failed")
    assert (alert.resource, alert.severity) == ("web/shop", None)
    assert alert.labels["branch"] == "main"
    assert alert.links["pipeline"] == "https://gitlab.example.com/web/shop/-/pipelines/3101"
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_what_a_job_says_is_taken_over():
    (alert,) = parse(job(environment={"name": "production", "action": "start"}))
    assert alert.description == "script_failure"
    assert (alert.labels["stage"], alert.labels["environment"]) == ("deploy", "production")
    assert alert.links["job"] == "https://gitlab.example.com/web/shop/-/jobs/1977"


def test_what_a_deployment_says_is_taken_over():
    (alert,) = parse(deployment())
    assert alert.title == "Deployment of web/shop to production: failed"
    assert alert.links["job"] == "https://gitlab.example.com/web/shop/-/jobs/796"
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_child_that_succeeds_does_not_end_its_parents_failure():
    (parent,) = parse(pipeline())
    (child,) = parse(pipeline("success", source="parent_pipeline"))
    assert parent.fingerprint != child.fingerprint


@pytest.mark.parametrize(
    "webhook",
    [
        pipeline("running", finished_at=None),
        pipeline("canceled"),
        pipeline("skipped"),
        job("created", build_finished_at=None),
        job(build_allow_failure=True),
        deployment("running"),
        hook({"object_kind": "push", "ref": "refs/heads/main"}, "Push Hook"),
    ],
)
def test_what_is_no_failure_gives_no_alert(webhook):
    assert parse(webhook) == ()
