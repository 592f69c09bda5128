"""Google Cloud Monitoring's webhook, version 1.2 of its incidents.

The format: https://cloud.google.com/monitoring/support/notification-options#schema-webhooks

An instance is the policy's condition with the labels of the resource and the metric. Where these
name nothing but the project, because the policy aggregates over all of them, the metadata's labels
count as well. An incident's own id is no part of it: the next one on the same resource has another.
An acknowledged incident gives no alert.
"""

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Named, Nullable, Text, Wire, labelled
from shared.events import Alert, AlertStatus

_STATES: Final = {
    "open": AlertStatus.FIRING,
    "closed": AlertStatus.RESOLVED,
    "acknowledged": None,
}
_NAMES_NO_INSTANCE: Final = frozenset({"project_id"})
# What runbooks call them, the most telling first.
_INSTANCES: Final = ("instance_name", "instance_id", "database_id", "pod_name", "node_name", "host")
_SERVICES: Final = ("service_name", "container_name", "module_id")


def _state(value: object) -> object:
    state = value.lower() if isinstance(value, str) else value
    if not isinstance(state, str) or state not in _STATES:
        raise ValueError("the state has to be open, acknowledged or closed")
    return state


def _no_zero(value: object) -> object:
    # The end of an incident that is open, in some forms.
    return None if value in (0, "0") else value


class _Resource(Wire):
    type: Text = ""
    labels: Named = Field({})


class _Metric(_Resource):
    display_name: Text = Field("", alias="displayName")


class _Metadata(Wire):
    system_labels: Named = Field({})
    user_labels: Named = Field({})


class _Condition(Wire):
    name: Text = ""


class _Link(Wire):
    name: Text = Field("", alias="displayName")
    url: Text = ""


class _Documentation(Wire):
    content: Text = ""
    links: Annotated[tuple[_Link, ...], Nullable] = ()


def _documented(value: object) -> object:
    # A test notification has a text in its place.
    return {"content": value} if isinstance(value, str) else value


class _Incident(Wire):
    id: str = Field(alias="incident_id", min_length=1)
    state: Annotated[str, BeforeValidator(_state)]
    policy_name: Text = ""
    condition_name: Text = ""
    condition: _Condition | None = None
    project: Text = Field("", alias="scoping_project_id")
    url: Text = ""
    summary: Text = ""
    severity: Text = ""
    observed_value: Text = ""
    threshold_value: Text = ""
    resource_name: Text = ""
    resource_display_name: Text = ""
    resource: _Resource | None = None
    metric: _Metric | None = None
    metadata: _Metadata | None = None
    policy_labels: Named = Field({}, alias="policy_user_labels")
    documentation: Annotated[_Documentation | None, BeforeValidator(_documented)] = None
    started_at: Annotated[Time, BeforeValidator(_no_zero)] = None
    ended_at: Annotated[Time, BeforeValidator(_no_zero)] = None


class _Notification(Wire):
    # "test" in the notification that tries a channel out.
    version: str
    incident: _Incident


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The one alert of an incident.

    Raises:
        ValidationError: the body is not what Google Cloud Monitoring sends.
    """
    incident = _Notification.model_validate_json(webhook.body).incident
    status = _STATES[incident.state]
    return (_alert(webhook.source, incident, status),) if status else ()


def _alert(source: str, incident: _Incident, status: AlertStatus) -> Alert:
    labels = _labels(incident)
    documentation = incident.documentation or _Documentation()
    return normalised(
        source,
        name=incident.policy_name or incident.condition_name or f"Incident {incident.id}",
        status=status,
        identity=_identity(incident),
        title=incident.condition_name or incident.policy_name,
        description="\n\n".join(filter(None, (incident.summary, documentation.content))),
        severity=severity_of(incident.severity) or severity_of(labels.get("severity", "")),
        resource=incident.resource_display_name or incident.resource_name,
        labels=labels,
        annotations=labelled(
            {
                "summary": incident.summary,
                "observed_value": incident.observed_value,
                "threshold_value": incident.threshold_value,
                "incident_id": incident.id,
            }
        ),
        links={
            "incident": incident.url,
            **labelled({link.name or "link": link.url for link in documentation.links}),
        },
        starts_at=incident.started_at,
        ends_at=incident.ended_at,
        variant="",
    )


def _identity(incident: _Incident) -> dict[str, str]:
    resource = incident.resource or _Resource()
    metric = incident.metric or _Metric()
    identity = {
        "project": incident.project,
        "condition": (incident.condition or _Condition()).name
        or f"{incident.policy_name}\n{incident.condition_name}",
        **{f"resource {key}": value for key, value in resource.labels.items()},
        **{f"metric {key}": value for key, value in metric.labels.items()},
    }
    if resource.labels.keys() | metric.labels.keys() <= _NAMES_NO_INSTANCE:
        identity |= {f"metadata {key}": value for key, value in _metadata(incident).items()}
        identity["resource"] = incident.resource_name
    return identity


def _metadata(incident: _Incident) -> dict[str, str]:
    metadata = incident.metadata or _Metadata()
    return {**metadata.system_labels, **metadata.user_labels}


def _labels(incident: _Incident) -> dict[str, str]:
    resource, metric = incident.resource or _Resource(), incident.metric or _Metric()
    found = {**_metadata(incident), **incident.policy_labels, **metric.labels, **resource.labels}
    named = labelled(found)
    instance = next((named[key] for key in _INSTANCES if named.get(key)), "")
    service = next((named[key] for key in _SERVICES if named.get(key)), "")
    known = {
        "instance": instance,
        "service": service,
        "project": incident.project,
        "resource_type": resource.type,
        "metric": metric.type,
        "condition": incident.condition_name,
    }
    return labelled({**known, **named})
