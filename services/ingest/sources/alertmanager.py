"""Alertmanager's webhook, version 4.

The format is documented under "webhook_config" at
https://prometheus.io/docs/alerting/latest/configuration/.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from services.ingest.cut import TEXT_MOST, TITLE_MOST, cut, fitting
from services.ingest.ticket import fingerprint
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# What people write into the severity label, by the conventions of Prometheus' own mixins and of
# PagerDuty; anything else is left for triage.
SEVERITIES: Final = {
    "critical": Severity.P1,
    "page": Severity.P1,
    "emergency": Severity.P1,
    "error": Severity.P2,
    "high": Severity.P2,
    "major": Severity.P2,
    "warning": Severity.P3,
    "medium": Severity.P3,
    "minor": Severity.P3,
    "info": Severity.P4,
    "low": Severity.P4,
    "none": Severity.P4,
    **{severity.lower(): severity for severity in Severity},
}

# They say how bad it is or who is told, not which problem it is: the same problem may be sent with
# another one when it gets worse, or by another of two Prometheus servers.
NOT_IDENTITY: Final = frozenset(
    {"alertname", "severity", "prometheus", "prometheus_replica", "replica", "monitor"},
)

# Go's zero time, which Alertmanager sends for an end that is not known.
_GO_ZERO: Final = "0001-01-01T00:00:00Z"
# A time outside of these years is a mistake, and may not exist in another time zone.
_YEARS: Final = range(1970, 9999)

_ALERTS_MOST: Final = 10_000
_LEFT_OUT: Final = "handrail_left_out"


def _no_zero_time(value: object) -> object:
    return None if value == _GO_ZERO else value


def _believable(value: datetime | None) -> datetime | None:
    return value if value is not None and value.year in _YEARS else None


Time = Annotated[AwareDatetime | None, BeforeValidator(_no_zero_time), AfterValidator(_believable)]


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


def parse(source: str, body: bytes) -> tuple[Alert, ...]:
    """The alerts of one notification, in its order.

    Raises:
        ValidationError: the body is not what Alertmanager sends.
    """
    notification = _Notification.model_validate_json(body)
    return tuple(_normalised(source, alert, notification) for alert in notification.alerts)


def _normalised(source: str, alert: _Alert, notification: _Notification) -> Alert:
    name = alert.labels.get("alertname", "")
    instance = {key: value for key, value in alert.labels.items() if key not in NOT_IDENTITY}
    said = alert.annotations
    summary = said.get("summary") or said.get("title") or name or "An alert without a name"
    labels, annotations = _fitting(alert)
    return Alert(
        source=source,
        name=cut(name, TITLE_MOST) or "unnamed",
        status=alert.status,
        fingerprint=fingerprint(source, name, instance),
        title=cut(summary, TITLE_MOST),
        description=cut(said.get("description") or said.get("message") or ""),
        severity=SEVERITIES.get(alert.labels.get("severity", "").lower()),
        labels=labels,
        annotations=annotations,
        links=_links(alert, notification),
        starts_at=alert.starts_at,
        ends_at=_ended(alert),
    )


def _fitting(alert: _Alert) -> tuple[dict[str, str], dict[str, str]]:
    """What can be kept of labels and annotations; an annotation says what could not."""
    labels, annotations = fitting(alert.labels), fitting(alert.annotations)
    missing = len(alert.labels) - len(labels), len(alert.annotations) - len(annotations)
    if any(missing):
        annotations[_LEFT_OUT] = "{} labels and {} annotations, for their size or name".format(
            *missing
        )
    return labels, annotations


def _ended(alert: _Alert) -> datetime | None:
    """A firing alert's end is only when Alertmanager would give it up, so it is left out."""
    return alert.ends_at if alert.status is AlertStatus.RESOLVED else None


def _links(alert: _Alert, notification: _Notification) -> dict[str, str]:
    named = {
        "generator": alert.generator_url,
        "alertmanager": notification.external_url,
        "runbook": alert.annotations.get("runbook_url", ""),
        "dashboard": alert.annotations.get("dashboard_url", ""),
    }
    return {
        name: url
        for name, url in named.items()
        if url.startswith(("http://", "https://")) and len(url) <= TEXT_MOST
    }
