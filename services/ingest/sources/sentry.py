"""Sentry's integration platform: webhooks of an internal integration.

The headers: https://docs.sentry.io/integrations/integration-platform/webhooks/
Issues (``issue``), issue alerts (``event_alert``) and metric alerts (``metric_alert``) are told by
the header Sentry-Hook-Resource, and by their shape where a proxy has taken it away; the other
resources (installation, error, comment, …) give no alert.

An issue is one problem, also where an issue alert tells of it; a metric alert is one a rule. Issues
fire as created and unresolved, and resolved resolves them; assigned and archived (ignored) are
neither, and give no alert.
"""

import re
from typing import Annotated, Final

from pydantic import Field

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Nullable, Text, Texts, Wire, labelled
from shared.events import Alert, AlertStatus

_HEADER: Final = "sentry-hook-resource"
_STATUSES: Final = {
    "issue": {
        "created": AlertStatus.FIRING,
        "unresolved": AlertStatus.FIRING,
        "resolved": AlertStatus.RESOLVED,
    },
    "event_alert": {"triggered": AlertStatus.FIRING},
    "metric_alert": {
        "critical": AlertStatus.FIRING,
        "warning": AlertStatus.FIRING,
        "resolved": AlertStatus.RESOLVED,
    },
}
_PROJECT: Final = re.compile(r"/api/0/projects/[^/]+/([^/]+)/events/")
# What runbooks ask for; the event has its own user, browser and so on among its tags.
_TAGS: Final = frozenset({"environment", "release", "server_name", "transaction", "runtime"})
_TAGS_MOST: Final = 1_000


class _Project(Wire):
    slug: Text = ""


class _Issue(Wire):
    id: str = Field(min_length=1)
    title: Text = ""
    culprit: Text = ""
    level: Text = ""
    short_id: Text = Field("", alias="shortId")
    platform: Text = ""
    permalink: Text = ""
    web_url: Text = ""
    first_seen: Time = Field(None, alias="firstSeen")
    project: _Project | None = None


class _Event(Wire):
    issue_id: str = Field(min_length=1)
    title: Text = ""
    culprit: Text = ""
    level: Text = ""
    platform: Text = ""
    url: Text = ""
    web_url: Text = ""
    seen_at: Time = Field(None, alias="datetime")
    tags: Annotated[tuple[tuple[Text, Text], ...], Nullable] = Field((), max_length=_TAGS_MOST)


class _Rule(Wire):
    id: str = Field(min_length=1)
    name: Text = ""
    environment: Text = ""
    query: Text = ""
    aggregate: Text = ""
    projects: Texts = ()


class _Incident(Wire):
    organization: Text = Field("", alias="organization_id")
    rule: _Rule = Field(alias="alert_rule")
    projects: Texts = ()
    started_at: Time = Field(None, alias="date_started")
    closed_at: Time = Field(None, alias="date_closed")


class _AboutIssue(Wire):
    issue: _Issue


class _AboutEvent(Wire):
    event: _Event
    rule: Text = Field("", alias="triggered_rule")


class _AboutMetric(Wire):
    metric_alert: _Incident
    title: Text = Field("", alias="description_title")
    text: Text = Field("", alias="description_text")
    web_url: Text = ""


class _OfIssue(Wire):
    data: _AboutIssue


class _OfEvent(Wire):
    data: _AboutEvent


class _OfMetric(Wire):
    data: _AboutMetric


class _Parts(Wire):
    """Only whether they are there."""

    issue: object = None
    event: object = None
    metric_alert: object = None


class _Shape(Wire):
    action: str
    data: _Parts


class _Action(Wire):
    action: str


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The one alert of a webhook, or none.

    Raises:
        ValidationError: the body is not what Sentry sends with this resource.
    """
    action = _Action.model_validate_json(webhook.body).action
    resource = webhook.headers.get(_HEADER, "").lower() or _resource(webhook.body)
    status = _STATUSES.get(resource, {}).get(action)
    if status is None:
        return ()
    match resource:
        case "issue":
            issue = _OfIssue.model_validate_json(webhook.body).data.issue
            return (_of_issue(webhook.source, issue, status),)
        case "event_alert":
            event = _OfEvent.model_validate_json(webhook.body).data
            return (_of_event(webhook.source, event, status),)
        case _:
            metric = _OfMetric.model_validate_json(webhook.body).data
            return (_of_metric(webhook.source, metric, status, action),)


def _resource(body: bytes) -> str:
    data = _Shape.model_validate_json(body).data
    if data.metric_alert is not None:
        return "metric_alert"
    return "event_alert" if data.event is not None else "issue"


def _of_issue(source: str, issue: _Issue, status: AlertStatus) -> Alert:
    project = issue.project.slug if issue.project else ""
    return normalised(
        source,
        name=issue.title or f"Issue {issue.id}",
        status=status,
        identity={"issue": issue.id},
        description=issue.culprit,
        severity=severity_of(issue.level),
        resource=project,
        labels=labelled(
            {
                "project": project,
                "issue_id": issue.id,
                "short_id": issue.short_id,
                "platform": issue.platform,
            }
        ),
        annotations=labelled({"culprit": issue.culprit}),
        links={"issue": issue.web_url or issue.permalink},
        starts_at=issue.first_seen,
        variant="",
    )


def _of_event(source: str, said: _AboutEvent, status: AlertStatus) -> Alert:
    event = said.event
    found = _PROJECT.search(event.url)
    project = found[1] if found else ""
    tags = {key: value for key, value in event.tags if key in _TAGS}
    return normalised(
        source,
        name=event.title or said.rule or f"Issue {event.issue_id}",
        status=status,
        identity={"issue": event.issue_id},
        description=event.culprit,
        severity=severity_of(event.level),
        resource=project,
        labels=labelled(
            {
                **tags,
                "host": tags.get("server_name", ""),
                "project": project,
                "issue_id": event.issue_id,
                "platform": event.platform,
            }
        ),
        annotations=labelled({"culprit": event.culprit, "rule": said.rule}),
        links={"event": event.web_url},
        starts_at=event.seen_at,
        variant="",
    )


def _of_metric(source: str, said: _AboutMetric, status: AlertStatus, action: str) -> Alert:
    incident, rule = said.metric_alert, said.metric_alert.rule
    projects = ", ".join(incident.projects or rule.projects)
    return normalised(
        source,
        name=rule.name or f"Metric alert {rule.id}",
        status=status,
        identity={"metric alert rule": rule.id, "organization": incident.organization},
        description=said.text,
        severity=severity_of(action),
        resource=projects,
        labels=labelled({"project": projects, "environment": rule.environment, "rule_id": rule.id}),
        annotations=labelled(
            {"title": said.title, "query": rule.query, "aggregate": rule.aggregate}
        ),
        links={"alert": said.web_url},
        starts_at=incident.started_at,
        ends_at=incident.closed_at,
        variant="",
    )
