"""New Relic's workflows: a webhook with the default payload template.

The template and its variables:
https://docs.newrelic.com/docs/alerts/get-notified/notification-integrations/#webhook
https://docs.newrelic.com/docs/alerts/get-notified/custom-variables-incident-workflows/

An issue is one problem, by its id, which has to stay in the template as ``id``: what it collects
(entities, conditions, policies) grows while it lasts. It fires as CREATED and ACTIVATED, and CLOSED
resolves it; DEACTIVATED, and notifications of an acknowledgement, give no alert.
"""

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Nullable, Text, Wire, labelled
from shared.events import Alert, AlertStatus

_STATES: Final = {
    "CREATED": AlertStatus.FIRING,
    "ACTIVATED": AlertStatus.FIRING,
    "CLOSED": AlertStatus.RESOLVED,
    "RESOLVED": AlertStatus.RESOLVED,
    "ACKNOWLEDGED": None,
    "DEACTIVATED": None,
}
_ACKNOWLEDGED: Final = frozenset({"ACKNOWLEDGED", "ISSUE_ACKNOWLEDGED", "INCIDENT_ACKNOWLEDGED"})


def _state(value: object) -> object:
    state = value.upper() if isinstance(value, str) else value
    if not isinstance(state, str) or state not in _STATES:
        raise ValueError(f"the state has to be one of {', '.join(_STATES)}")
    return state


# A test notification may write lists as texts.
def _list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Texts = Annotated[tuple[Text, ...], Nullable, BeforeValidator(_list)]


class _Notification(Wire):
    id: str = Field(min_length=1)
    state: Annotated[str, BeforeValidator(_state)]
    title: Text = ""
    url: Text = Field("", alias="issueUrl")
    priority: Text = ""
    trigger: Text = ""
    entities: _Texts = Field((), alias="impactedEntities")
    policies: _Texts = Field((), alias="alertPolicyNames")
    conditions: _Texts = Field((), alias="alertConditionNames")
    sources: _Texts = ()
    workflow: Text = Field("", alias="workflowName")
    created_at: Time = Field(None, alias="createdAt")
    updated_at: Time = Field(None, alias="updatedAt")


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The one alert of an issue.

    Raises:
        ValidationError: the body does not come from the default template.
    """
    issue = _Notification.model_validate_json(webhook.body)
    status = _STATES[issue.state]
    if status is None or _only_acknowledged(issue, status):
        return ()
    return (_alert(webhook.source, issue, status),)


def _only_acknowledged(issue: _Notification, status: AlertStatus) -> bool:
    return status is AlertStatus.FIRING and issue.trigger.upper() in _ACKNOWLEDGED


def _alert(source: str, issue: _Notification, status: AlertStatus) -> Alert:
    return normalised(
        source,
        name=next(filter(None, issue.conditions), "") or issue.title or f"Issue {issue.id}",
        status=status,
        identity={"issue": issue.id},
        title=issue.title,
        severity=severity_of(issue.priority),
        resource=", ".join(filter(None, issue.entities)),
        labels=labelled(
            {
                "entity": next(iter(issue.entities), ""),
                "policy": next(iter(issue.policies), ""),
                "condition": next(iter(issue.conditions), ""),
                "workflow": issue.workflow,
            }
        ),
        annotations=labelled(
            {
                "issue_id": issue.id,
                "entities": ", ".join(issue.entities),
                "conditions": ", ".join(issue.conditions),
                "sources": ", ".join(issue.sources),
            }
        ),
        links={"issue": issue.url},
        starts_at=issue.created_at,
        ends_at=issue.updated_at,
        variant="",
    )
