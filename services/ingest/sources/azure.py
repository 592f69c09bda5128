"""Azure Monitor's common alert schema, which has to be enabled in the action group.

The schema: https://learn.microsoft.com/en-us/azure/azure-monitor/alerts/alerts-common-schema
Examples: https://learn.microsoft.com/en-us/azure/azure-monitor/alerts/alerts-payload-samples

An instance is the rule with its targets and the values of its dimensions (for Prometheus rules the
labels, for service health the tracking id). The alert's own id is no part of it: stateless rules
have another one each time they are evaluated, and never resolve.
"""

from typing import Annotated, Final, Literal
from urllib.parse import quote

from pydantic import Field

from services.ingest.normal import Time, normalised
from services.ingest.sources.alertmanager import NOT_IDENTITY
from services.ingest.webhook import Webhook
from services.ingest.wire import Named, Nullable, Text, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# Critical, error, warning, informational, verbose.
_SEVERITIES: Final = {
    "sev0": Severity.P1,
    "sev1": Severity.P2,
    "sev2": Severity.P3,
    "sev3": Severity.P4,
    "sev4": Severity.P4,
}
_CONDITIONS: Final = {"Fired": AlertStatus.FIRING, "Resolved": AlertStatus.RESOLVED}
_PORTAL: Final = (
    "https://portal.azure.com/#blade/Microsoft_Azure_Monitoring/AlertDetailsTemplateBlade/alertId/"
)
_NAMED_PARTS: Final = {
    "subscriptions": "subscription",
    "resourcegroups": "resource_group",
}


class _Essentials(Wire):
    alert_id: str = Field(alias="alertId")
    rule: str = Field(alias="alertRule", min_length=1)
    rule_id: Text = Field("", alias="alertRuleID")
    severity: Text = ""
    signal: Text = Field("", alias="signalType")
    condition: Literal["Fired", "Resolved"] = Field(alias="monitorCondition")
    service: Text = Field("", alias="monitoringService")
    targets: Annotated[tuple[str, ...], Nullable] = Field((), alias="alertTargetIDs")
    items: Annotated[tuple[str, ...], Nullable] = Field((), alias="configurationItems")
    fired_at: Time = Field(None, alias="firedDateTime")
    resolved_at: Time = Field(None, alias="resolvedDateTime")
    description: Text = ""
    investigation: Text = Field("", alias="investigationLink")


class _Dimension(Wire):
    name: Text = ""
    value: Text = ""


class _Criterion(Wire):
    metric: Text = Field("", alias="metricName")
    namespace: Text = Field("", alias="metricNamespace")
    dimensions: Annotated[tuple[_Dimension, ...], Nullable] = ()
    results: Text = Field("", alias="linkToSearchResultsUI")


class _Condition(Wire):
    criteria: Annotated[tuple[_Criterion, ...], Nullable] = Field((), alias="allOf")


class _Properties(Wire):
    tracking: Text = Field("", alias="trackingId")
    title: Text = ""


class _Context(Wire):
    """What depends on the kind of alert; all of it may be missing."""

    condition: _Condition | None = None
    labels: Named = Field({})
    annotations: Named = Field({})
    properties: _Properties | None = None
    results: Text = Field("", alias="linkToSearchResultsUI")

    @property
    def criteria(self) -> tuple[_Criterion, ...]:
        return self.condition.criteria if self.condition else ()

    @property
    def dimensions(self) -> dict[str, str]:
        """Of all criteria; of two with one name the first one's counts."""
        found = [one for criterion in self.criteria for one in criterion.dimensions]
        return {one.name: one.value for one in reversed(found) if one.name}


class _Data(Wire):
    essentials: _Essentials
    context: _Context | None = Field(None, alias="alertContext")


class _Notification(Wire):
    schema_id: Literal["azureMonitorCommonAlertSchema"] = Field(alias="schemaId")
    data: _Data


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The one alert of a notification.

    Raises:
        ValidationError: the body has not the common alert schema.
    """
    data = _Notification.model_validate_json(webhook.body).data
    return (_alert(webhook.source, data.essentials, data.context or _Context()),)


def _alert(source: str, said: _Essentials, context: _Context) -> Alert:
    named = labelled(context.dimensions)
    metric = context.criteria[0] if context.criteria else _Criterion()
    target = said.targets[0] if said.targets else ""
    return normalised(
        source,
        name=said.rule,
        status=_CONDITIONS[said.condition],
        identity=_identity(said, context),
        title=context.annotations.get("summary") or (context.properties or _Properties()).title,
        description=said.description or context.annotations.get("description", ""),
        severity=_SEVERITIES.get(said.severity.lower()),
        resource=", ".join(said.items) or target.rpartition("/")[2],
        labels=labelled(
            {
                **_parts(target),
                **named,
                **context.labels,
                "signal_type": said.signal,
                "monitoring_service": said.service,
                "metric": metric.metric,
                "namespace": context.labels.get("namespace") or metric.namespace,
            }
        ),
        annotations={**context.annotations, "alert_id": said.alert_id},
        links={
            "alert": _PORTAL + quote(said.alert_id, safe=""),
            "investigation": said.investigation,
            "results": metric.results or context.results,
        },
        starts_at=said.fired_at,
        ends_at=said.resolved_at,
        variant="",
    )


def _identity(said: _Essentials, context: _Context) -> dict[str, str]:
    labels = {key: value for key, value in context.labels.items() if key not in NOT_IDENTITY}
    every = [one for criterion in context.criteria for one in criterion.dimensions]
    # Azure writes the same id in several cases.
    return {
        **{f"label {key}": value for key, value in labels.items()},
        "rule": (said.rule_id or said.rule).lower(),
        "targets": " ".join(sorted({target.lower() for target in said.targets})),
        "dimensions": repr(sorted({(one.name, one.value) for one in every})),
        "tracking": context.properties.tracking if context.properties else "",
    }


def _parts(target: str) -> dict[str, str]:
    """What an ARM id says: /subscriptions/S/resourceGroups/G/providers/P/TYPE/NAME."""
    words = target.strip("/").split("/")
    pairs = dict(zip((word.lower() for word in words[::2]), words[1::2], strict=False))
    parts = {label: pairs[word] for word, label in _NAMED_PARTS.items() if word in pairs}
    typed = {"resource_type": "/".join(words[5:-1]), "instance": words[-1]}
    return {**parts, **typed} if "providers" in pairs else parts
