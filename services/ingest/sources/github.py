"""GitHub's webhooks about failed workflow runs and deployments.

The events are documented at
https://docs.github.com/en/webhooks/webhook-events-and-payloads under workflow_run and
deployment_status; the X-GitHub-Event header names the event, and without it its shape tells. Both
content types are taken, JSON and a form's "payload".

A workflow run that is completed with failure, timed_out or startup_failure fires for its workflow
on its branch (of its fork), until a run of them succeeds; a deployment with failure or error fires
for its environment, until a deployment to it succeeds. Other conclusions and states (cancelled,
skipped, in progress, ...) and other events give no alert. GitHub knows no severity.
"""

from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import parse_qs

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.ingest.normal import normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime, Text, present
from shared.events import Alert, AlertStatus

_CONCLUSIONS: Final = {
    **dict.fromkeys(("failure", "timed_out", "startup_failure"), AlertStatus.FIRING),
    "success": AlertStatus.RESOLVED,
}
_STATES: Final = {
    **dict.fromkeys(("failure", "error"), AlertStatus.FIRING),
    "success": AlertStatus.RESOLVED,
}


class _Event(StrEnum):
    RUN = "workflow_run"
    DEPLOYMENT = "deployment_status"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Repository(_Model):
    full_name: str = Field(min_length=1)
    html_url: Text = ""


def _or_empty(value: object) -> object:
    return {} if value is None else value


class _Head(_Model):
    """The repository that a run's commit is from: another one for a fork, none when deleted."""

    full_name: Text = ""


class _Run(_Model):
    name: Text = ""
    path: Text = ""
    workflow_id: Text = ""
    display_title: Text = ""
    head_branch: Text = ""
    head_sha: Text = ""
    head_repository: Annotated[_Head, BeforeValidator(_or_empty)] = _Head()
    event: Text = ""
    run_number: Text = ""
    run_attempt: Text = ""
    conclusion: Text = ""
    html_url: Text = ""
    run_started_at: LooseTime = None
    updated_at: LooseTime = None


class _RunEvent(_Model):
    action: str
    run: _Run = Field(alias="workflow_run")
    repository: _Repository


class _Status(_Model):
    state: str
    environment: Text = ""
    description: Text = ""
    log_url: Text = ""
    target_url: Text = ""
    environment_url: Text = ""
    created_at: LooseTime = None


class _Deployment(_Model):
    environment: Text = ""
    task: Text = ""
    ref: Text = ""
    sha: Text = ""


class _DeploymentEvent(_Model):
    status: _Status = Field(alias="deployment_status")
    deployment: _Deployment
    repository: _Repository


class _AnyEvent(_Model):
    """As little as every event has: it is about a repository, an organisation, or the hook."""

    repository: _Repository | None = None


class _Shape(_Model):
    """What an event without its header is told by."""

    workflow_run: dict[str, object] | None = None
    deployment_status: dict[str, object] | None = None


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of one event, if it is about a failure or its end.

    Raises:
        ValidationError: the body is not the event that it is said to be.
    """
    body = _json(webhook)
    event = webhook.headers.get("x-github-event") or _shape(body)
    if event == _Event.RUN:
        return _run(webhook.source, _RunEvent.model_validate_json(body))
    if event == _Event.DEPLOYMENT:
        return _deployment(webhook.source, _DeploymentEvent.model_validate_json(body))
    _AnyEvent.model_validate_json(body)
    return ()


def _json(webhook: Webhook) -> bytes:
    if not webhook.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return webhook.body
    form = parse_qs(webhook.body.decode("ascii", "replace"), max_num_fields=None)
    return form.get("payload", [""])[0].encode()


def _shape(body: bytes) -> _Event:
    shape = _Shape.model_validate_json(body)
    # What is neither is refused as a run, at the places that it lacks.
    return _Event.DEPLOYMENT if shape.deployment_status is not None else _Event.RUN


def _run(source: str, said: _RunEvent) -> tuple[Alert, ...]:
    run, repository = said.run, said.repository.full_name
    status = _CONCLUSIONS.get(run.conclusion)
    if said.action != "completed" or status is None:
        return ()
    fork = run.head_repository.full_name if run.head_repository.full_name != repository else ""
    workflow = run.name or run.path or "Workflow"
    labels = {
        "repository": repository,
        "workflow": workflow,
        "workflow_path": run.path,
        "branch": run.head_branch,
        "fork": fork,
    }
    return (
        normalised(
            source,
            name=workflow,
            status=status,
            identity={
                "repository": repository,
                "workflow": run.workflow_id or workflow,
                "branch": run.head_branch,
                "fork": fork,
            },
            variant="",
            title=f"{workflow} on {run.head_branch or run.head_sha} of {repository}: "
            f"{run.conclusion}",
            description=run.display_title,
            resource=repository,
            labels=present({"kind": "workflow", **labels, "service": repository}),
            annotations=present(
                {
                    "sha": run.head_sha,
                    "event": run.event,
                    "run_number": run.run_number,
                    "run_attempt": run.run_attempt,
                    "conclusion": run.conclusion,
                }
            ),
            links={"run": run.html_url, "repository": said.repository.html_url},
            starts_at=(run.updated_at or run.run_started_at)
            if status is AlertStatus.FIRING
            else None,
            ends_at=run.updated_at,
        ),
    )


def _deployment(source: str, said: _DeploymentEvent) -> tuple[Alert, ...]:
    told, deployment, repository = said.status, said.deployment, said.repository.full_name
    status = _STATES.get(told.state)
    if status is None:
        return ()
    environment = deployment.environment or told.environment
    identity = {"repository": repository, "environment": environment, "task": deployment.task}
    return (
        normalised(
            source,
            name="Deployment",
            status=status,
            identity=identity,
            variant="",
            title=f"Deployment of {repository} to {environment}: {told.state}",
            description=told.description,
            resource=f"{repository} {environment}".strip(),
            labels=present({"kind": "deployment", **identity, "service": repository}),
            annotations=present(
                {"ref": deployment.ref, "sha": deployment.sha, "state": told.state}
            ),
            links={
                "log": told.log_url or told.target_url,
                "environment": told.environment_url,
                "repository": said.repository.html_url,
            },
            starts_at=told.created_at if status is AlertStatus.FIRING else None,
            ends_at=told.created_at,
        ),
    )
