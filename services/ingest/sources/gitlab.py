"""GitLab's webhooks about failed pipelines, jobs and deployments.

The events are documented at
https://docs.gitlab.com/user/project/integrations/webhook_events/ under "Pipeline events", "Job
events" and "Deployment events". The body's object_kind tells them apart, as a system hook's
X-Gitlab-Event header ("System Hook") does not; a header that names another hook gives no alert.

A failed pipeline fires for its project and branch or tag, a failed job (that may not fail) for its
project, branch or tag and name, a failed deployment for its project and environment; each until one
of them succeeds. Other states (running, canceled, skipped, manual, ...) give no alert. The child
pipelines of a branch are one problem, apart from their parents', since nothing names them. GitLab
knows no severity.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from services.ingest.normal import normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime, Text, present
from shared.events import Alert, AlertStatus

_STATUSES: Final = {"failed": AlertStatus.FIRING, "success": AlertStatus.RESOLVED}
_HOOKS: Final = frozenset({"Pipeline Hook", "Job Hook", "Deployment Hook", "System Hook"})


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _or_empty(value: object) -> object:
    return {} if value is None else value


class _Project(_Model):
    id: Text = ""
    path: Text = Field("", alias="path_with_namespace")
    web_url: Text = ""


class _Pipeline(_Model):
    id: Text = ""
    ref: str
    tag: bool = False
    sha: Text = ""
    source: Text = ""
    status: str
    created_at: LooseTime = None
    finished_at: LooseTime = None
    url: Text = ""


class _PipelineEvent(_Model):
    object_kind: Literal["pipeline"]
    pipeline: _Pipeline = Field(alias="object_attributes")
    project: _Project


class _JobEnvironment(_Model):
    name: Text = ""


class _JobEvent(_Model):
    object_kind: Literal["build"]
    ref: str
    sha: Text = ""
    id: Text = Field("", alias="build_id")
    name: str = Field(alias="build_name", min_length=1)
    stage: Text = Field("", alias="build_stage")
    status: str = Field(alias="build_status")
    finished_at: LooseTime = Field(None, alias="build_finished_at")
    may_fail: bool = Field(False, alias="build_allow_failure")
    failure_reason: Text = Field("", alias="build_failure_reason")
    project_id: Text = Field(min_length=1)
    project_name: Text = ""
    project: Annotated[_Project, BeforeValidator(_or_empty)] = _Project()
    environment: Annotated[_JobEnvironment, BeforeValidator(_or_empty)] = _JobEnvironment()


class _DeploymentEvent(_Model):
    object_kind: Literal["deployment"]
    status: str
    changed_at: LooseTime = Field(None, alias="status_changed_at")
    environment: str = Field(min_length=1)
    tier: Text = Field("", alias="environment_tier")
    environment_url: Text = Field("", alias="environment_external_url")
    job_url: Text = Field("", alias="deployable_url")
    ref: Text = ""
    sha: Text = Field("", alias="short_sha")
    commit_title: Text = ""
    project: _Project


class _OtherEvent(_Model):
    object_kind: str = Field(min_length=1)


_Event = Annotated[
    _PipelineEvent | _JobEvent | _DeploymentEvent, Field(discriminator="object_kind")
]
_EVENT: Final[TypeAdapter[_PipelineEvent | _JobEvent | _DeploymentEvent]] = TypeAdapter(_Event)


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of one event, if it is about a failure or its end.

    Raises:
        ValidationError: the body is no event of GitLab's.
    """
    if webhook.headers.get("x-gitlab-event", "System Hook") not in _HOOKS:
        _OtherEvent.model_validate_json(webhook.body)
        return ()
    event = _EVENT.validate_json(webhook.body)
    if isinstance(event, _PipelineEvent):
        return _pipeline(webhook.source, event)
    if isinstance(event, _JobEvent):
        return _job(webhook.source, event)
    return _deployment(webhook.source, event)


def _pipeline(source: str, event: _PipelineEvent) -> tuple[Alert, ...]:
    pipeline, project = event.pipeline, event.project
    status = _STATUSES.get(pipeline.status)
    if status is None:
        return ()
    kind = "child pipeline" if pipeline.source == "parent_pipeline" else "pipeline"
    identity = {"project": project.id or project.path, "kind": kind, "ref": pipeline.ref}
    url = f"{project.web_url}/-/pipelines/{pipeline.id}" if project.web_url else ""
    return (
        normalised(
            source,
            name=kind.capitalize(),
            status=status,
            identity={**identity, "tag": str(pipeline.tag)},
            variant="",
            title=f"{kind.capitalize()} on {pipeline.ref} of {project.path}: {pipeline.status}",
            resource=project.path,
            labels=_labels(project.path, kind=kind, branch=pipeline.ref),
            annotations=present(
                {"sha": pipeline.sha, "pipeline": pipeline.id, "source": pipeline.source}
            ),
            links={"pipeline": pipeline.url or url, "project": project.web_url},
            starts_at=_start(status, pipeline.finished_at or pipeline.created_at),
            ends_at=pipeline.finished_at,
        ),
    )


def _job(source: str, event: _JobEvent) -> tuple[Alert, ...]:
    status = _STATUSES.get(event.status)
    if status is None or (event.may_fail and status is AlertStatus.FIRING):
        return ()
    project = event.project.path or event.project_name
    url = f"{event.project.web_url}/-/jobs/{event.id}" if event.project.web_url else ""
    return (
        normalised(
            source,
            name=event.name,
            status=status,
            identity={
                "project": event.project_id,
                "kind": "job",
                "ref": event.ref,
                "job": event.name,
            },
            variant="",
            title=f"Job {event.name} on {event.ref} of {project}: {event.status}",
            description=event.failure_reason if status is AlertStatus.FIRING else "",
            resource=project,
            labels=_labels(
                project,
                kind="job",
                branch=event.ref,
                job=event.name,
                stage=event.stage,
                environment=event.environment.name,
            ),
            annotations=present({"sha": event.sha, "job_id": event.id}),
            links={"job": url, "project": event.project.web_url},
            starts_at=_start(status, event.finished_at),
            ends_at=event.finished_at,
        ),
    )


def _deployment(source: str, event: _DeploymentEvent) -> tuple[Alert, ...]:
    status, project = _STATUSES.get(event.status), event.project
    if status is None:
        return ()
    return (
        normalised(
            source,
            name="Deployment",
            status=status,
            identity={
                "project": project.id or project.path,
                "kind": "deployment",
                "environment": event.environment,
            },
            variant="",
            title=f"Deployment of {project.path} to {event.environment}: {event.status}",
            description=event.commit_title,
            resource=f"{project.path} {event.environment}".strip(),
            labels=_labels(
                project.path,
                kind="deployment",
                environment=event.environment,
                tier=event.tier,
            ),
            annotations=present({"ref": event.ref, "sha": event.sha}),
            links={
                "job": event.job_url,
                "environment": event.environment_url,
                "project": project.web_url,
            },
            starts_at=_start(status, event.changed_at),
            ends_at=event.changed_at,
        ),
    )


def _labels(project: str, **labels: str) -> dict[str, str]:
    return present({"project": project, "service": project, **labels})


def _start(status: AlertStatus, at: LooseTime) -> LooseTime:
    return at if status is AlertStatus.FIRING else None
