"""Jira's webhook for issues: created, updated, deleted.

The format is documented at https://developer.atlassian.com/cloud/jira/platform/webhooks/ and for
Data Center at https://developer.atlassian.com/server/jira/platform/webhooks/. Restrict the webhook
by JQL to the issues that are incidents: any other issue would be one as well.
"""

from typing import Final, Literal

from pydantic import Field, JsonValue

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Texts, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# Jira's own five priorities; the word High is its second.
_PRIORITIES: Final = {
    "highest": Severity.P1,
    "blocker": Severity.P1,
    "lowest": Severity.P4,
    "trivial": Severity.P4,
}
_DONE: Final = "done"
_TO_DO: Final = "new"
# Changes after which an open issue is told again: it is worse than it was, or not solved after all.
_TOLD_AGAIN: Final = frozenset({"priority", "resolution"})


class _Named(Wire):
    name: Text = ""
    key: Text = ""


class _Status(_Named):
    category: _Named = Field(alias="statusCategory")


class _Fields(Wire):
    summary: Text = ""
    # A text, or in the newest form a document.
    description: JsonValue = None
    status: _Status
    priority: _Named | None = None
    project: _Named | None = None
    issue_type: _Named | None = Field(None, alias="issuetype")
    components: tuple[_Named, ...] | None = None
    labels: Texts = ()
    created: Time = None
    updated: Time = None
    resolved: Time = Field(None, alias="resolutiondate")


class _Issue(Wire):
    id: str = Field(min_length=1)
    key: str = Field(min_length=1)
    url: Text = Field("", alias="self")
    fields: _Fields


class _Change(Wire):
    field: Text = ""


class _Changes(Wire):
    items: tuple[_Change, ...] = ()


class _Event(Wire):
    event: Literal["jira:issue_created", "jira:issue_updated", "jira:issue_deleted"] = Field(
        alias="webhookEvent"
    )
    issue: _Issue
    changelog: _Changes | None = None


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The issue that was opened, reopened, given another priority, done or deleted.

    None for other changes, such as a comment or somebody's beginning to work on it. The issue is
    known by its id: its key changes when it is moved to another project.

    Raises:
        ValidationError: the body is not what Jira sends for issues.
    """
    event = _Event.model_validate_json(webhook.body)
    status = _status(event)
    return () if status is None else (_alert(webhook.source, event.issue, status),)


def _status(event: _Event) -> AlertStatus | None:
    category = event.issue.fields.status.category.key
    if category == _DONE or event.event == "jira:issue_deleted":
        return AlertStatus.RESOLVED
    changed = {change.field for change in (event.changelog or _Changes()).items}
    put_back = category == _TO_DO and "status" in changed
    if event.event == "jira:issue_created" or changed & _TOLD_AGAIN or put_back:
        return AlertStatus.FIRING
    return None


def _alert(source: str, issue: _Issue, status: AlertStatus) -> Alert:
    said = issue.fields
    components = _names(said.components)
    priority = said.priority.name if said.priority else ""
    return normalised(
        source,
        name=said.summary,
        status=status,
        identity={"site": _site(issue), "issue_id": issue.id},
        variant="",
        title=f"{issue.key}: {said.summary}" if said.summary else issue.key,
        description=said.description if isinstance(said.description, str) else "",
        severity=_PRIORITIES.get(priority.lower()) or severity_of(priority),
        resource=components,
        labels=_labels(issue, components, priority),
        links={"jira": f"{_site(issue)}/browse/{issue.key}"},
        starts_at=said.created,
        ends_at=said.resolved or said.updated,
    )


def _labels(issue: _Issue, components: str, priority: str) -> dict[str, str]:
    said = issue.fields
    return labelled(
        {
            "issue": issue.key,
            "project": said.project.key if said.project else "",
            "issue_type": said.issue_type.name if said.issue_type else "",
            "component": components,
            "priority": priority,
            "status": said.status.name,
            "labels": ",".join(said.labels),
        }
    )


def _names(components: tuple[_Named, ...] | None) -> str:
    return ",".join(component.name for component in components or ())


def _site(issue: _Issue) -> str:
    """Where Jira is, with the path before its interface; nothing where the issue does not say."""
    return issue.url.partition("/rest/")[0]
