"""GitHub's events, read."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from services.ingest.sources.github import parse
from services.ingest.webhook import Webhook
from tests.ingest.sources.contract import assert_contract

REPOSITORY = {
    "id": 7001,
    "name": "shop",
    "full_name": "example/shop",
    "private": True,
    "html_url": "https://github.com/example/shop",
    "owner": {"login": "example", "id": 70},
}


def hook(event, said, **headers):
    named = {"x-github-event": event} if event else {}
    return Webhook("github", json.dumps(said).encode(), {**named, **headers})


def run(conclusion="failure", action="completed", header="workflow_run", **fields):
    said = {
        "action": action,
        "workflow_run": {
            "id": 9100042,
            "name": "Release",
            "path": ".github/workflows/release.yml",
            "display_title": "Raise the pool's size",
            "workflow_id": 5150,
            "head_branch": "main",
            "head_sha": "b6f2f1cdd1a2f1d35f6b0f4d7f2f8e6c0a9d1e77",
            "head_repository": REPOSITORY,
            "event": "push",
            "status": "completed",
            "conclusion": conclusion,
            "run_number": 112,
            "run_attempt": 1,
            "run_started_at": "2026-03-01T09:50:00Z",
            "created_at": "2026-03-01T09:50:00Z",
            "updated_at": "2026-03-01T10:00:00Z",
            "html_url": "https://github.com/example/shop/actions/runs/9100042",
            "pull_requests": [],
            **fields,
        },
        "workflow": {"id": 5150, "name": "Release", "path": ".github/workflows/release.yml"},
        "repository": REPOSITORY,
        "sender": {"login": "octo", "id": 1},
    }
    return hook(header, said)


def deployment(state="failure", environment="production", **fields):
    said = {
        "action": "created",
        "deployment_status": {
            "id": 81,
            "state": state,
            "description": "The health check failed",
            "environment": environment,
            "target_url": "https://ci.example.com/d/81",
            "log_url": "https://ci.example.com/d/81/log",
            "environment_url": "https://shop.example.com",
            "created_at": "2026-03-01T10:00:00Z",
            "updated_at": "2026-03-01T10:00:00Z",
        },
        "deployment": {
            "id": 80,
            "sha": "b6f2f1cdd1a2f1d35f6b0f4d7f2f8e6c0a9d1e77",
            "ref": "main",
            "task": "deploy",
            "payload": {},
            "environment": environment,
            **fields,
        },
        "repository": REPOSITORY,
        "sender": {"login": "octo", "id": 1},
    }
    return hook("deployment_status", said)


MALFORMED = [
    Webhook("github", b"", {"x-github-event": "workflow_run"}),
    Webhook("github", b"{", {"x-github-event": "push"}),
    Webhook("github", b"payload=", {"content-type": "application/x-www-form-urlencoded"}),
    hook("workflow_run", {"action": "completed"}),
    hook("deployment_status", {"deployment_status": {"state": "failure"}}),
    hook("", {}),
    hook("", []),
    hook("push", {"repository": "shop"}),
    run(updated_at="now"),
    run(head_branch=["main"]),
]


def test_workflow_runs_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=run(),
        resolved=run("success", head_sha="0" * 40, run_number=113, event="workflow_dispatch"),
        second=run(head_branch="stable"),
        again=[run("timed_out"), run(run_attempt=2), run(header=""), run(name="Ship")],
        malformed=MALFORMED,
    )


def test_deployments_keep_the_contract_of_sources():
    assert_contract(
        parse,
        firing=deployment(),
        resolved=deployment("success", ref="hotfix", sha="0" * 40),
        second=deployment(environment="staging"),
        again=[deployment("error")],
    )


def test_what_a_run_says_is_taken_over():
    (alert,) = parse(run())
    assert (alert.name, alert.title) == ("Release", "Release on main of example/shop: failure")
    assert (alert.description, alert.severity) == ("Raise the pool's size", None)
    assert alert.resource == "example/shop"
    assert alert.labels["branch"] == "main"
    assert alert.links["run"] == "https://github.com/example/shop/actions/runs/9100042"
    assert alert.starts_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_what_a_deployment_says_is_taken_over():
    (alert,) = parse(deployment())
    assert alert.title == "Deployment of example/shop to production: failure"
    assert alert.labels["environment"] == "production"
    assert alert.annotations["ref"] == "main"
    assert set(alert.links) == {"log", "environment", "repository"}


def test_a_fork_and_another_workflow_are_other_problems():
    fork = {**REPOSITORY, "full_name": "guest/shop"}
    webhooks = [run(), run(head_repository=fork), run(name="Test", workflow_id=5151)]
    assert len({parse(webhook)[0].fingerprint for webhook in webhooks}) == 3


@pytest.mark.parametrize(
    "webhook",
    [
        run("cancelled"),
        run("skipped"),
        run(None, "requested"),
        deployment("in_progress"),
        deployment("inactive"),
        hook("ping", {"zen": "Keep it simple.", "hook_id": 1}),
        hook("push", {"ref": "refs/heads/main", "repository": REPOSITORY}),
    ],
)
def test_what_is_no_failure_gives_no_alert(webhook):
    assert parse(webhook) == ()


def test_a_form_is_read_like_json():
    body = urlencode({"payload": run().body.decode()}).encode()
    form = {"content-type": "application/x-www-form-urlencoded", "x-github-event": "workflow_run"}
    assert parse(Webhook("github", body, form)) == parse(run())
