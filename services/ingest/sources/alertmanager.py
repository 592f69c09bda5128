"""Alertmanager's webhook, version 4.

The format is documented under "webhook_config" at
https://prometheus.io/docs/alerting/latest/configuration/.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from shared.events import Alert, AlertStatus

# They say how bad it is or who is told, not which problem it is: the same problem may be sent with
# another one when it gets worse, or by another of two Prometheus servers.
NOT_IDENTITY: Final = frozenset(
    {"alertname", "severity", "prometheus", "prometheus_replica", "replica", "monitor"},
)

_ALERTS_MOST: Final = 10_000
_NO_NAME: Final = "An alert without a name"


class _Alert(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    status: AlertStatus
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: Time = Field(None, alias="startsAt")
    ends_at: Time = Field(None, alias="endsAt")
    generator_url: str = Field("", alias="generatorURL")


def _some(alerts: tuple[_Alert, ...]) -> tuple[_Alert, ...]:
    if not alerts:
        raise ValueError("there is no alert in it")
    if len(alerts) > _ALERTS_MOST:
        raise ValueError(f"more than {_ALERTS_MOST} alerts: set max_alerts in the webhook_config")
    return alerts


class _Notification(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal["4"]
    receiver: str = ""
    external_url: str = Field("", alias="externalURL")
    alerts: Annotated[tuple[_Alert, ...], AfterValidator(_some)]


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alerts of one notification, in its order.

    Raises:
        ValidationError: the body is not what Alertmanager sends.
    """
    notification = _Notification.model_validate_json(webhook.body)
    return tuple(_alert(webhook.source, alert, notification) for alert in notification.alerts)


def _alert(source: str, alert: _Alert, notification: _Notification) -> Alert:
    labels, said = alert.labels, alert.annotations
    name = labels.get("alertname", "")
    return normalised(
        source,
        name=name,
        status=alert.status,
        identity={key: value for key, value in labels.items() if key not in NOT_IDENTITY},
        title=said.get("summary") or said.get("title") or name or _NO_NAME,
        description=said.get("description") or said.get("message") or "",
        severity=severity_of(labels.get("severity", "")),
        resource=labels.get("instance") or labels.get("pod") or labels.get("job") or "",
        labels=labels,
        annotations=said,
        links={
            "generator": alert.generator_url,
            "alertmanager": notification.external_url,
            "runbook": said.get("runbook_url", ""),
            "dashboard": said.get("dashboard_url", ""),
        },
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
    )
