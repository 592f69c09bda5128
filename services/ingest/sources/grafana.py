"""Grafana's webhook contact point, and the webhook channel of the legacy alerting before it.

Unified alerting (Grafana 8 and later):
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
Legacy alerting (up to Grafana 10):
https://grafana.com/docs/grafana/v7.5/alerting/notifications/#webhook

A legacy rule is one problem, however many series it matches: Grafana notifies once for all of them.
It fires as ``alerting`` and as ``no_data``, and ``ok`` resolves it; ``pending``, ``paused`` and
``unknown`` are neither, and give no alert.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, RootModel, Tag

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.sources.alertmanager import NOT_IDENTITY
from services.ingest.webhook import Webhook
from services.ingest.wire import Named, Nullable, Text, Wire
from shared.events import Alert, AlertStatus

_ALERTS_MOST: Final = 10_000
_STATES: Final = {
    "alerting": AlertStatus.FIRING,
    "no_data": AlertStatus.FIRING,
    "ok": AlertStatus.RESOLVED,
}


class _Alert(Wire):
    status: AlertStatus
    labels: dict[str, str]
    annotations: Named = Field({})
    starts_at: Time = Field(None, alias="startsAt")
    ends_at: Time = Field(None, alias="endsAt")
    generator_url: Text = Field("", alias="generatorURL")
    silence_url: Text = Field("", alias="silenceURL")
    dashboard_url: Text = Field("", alias="dashboardURL")
    panel_url: Text = Field("", alias="panelURL")
    image_url: Text = Field("", alias="imageURL")
    value: Text = Field("", alias="valueString")


def _some(alerts: tuple[_Alert, ...]) -> tuple[_Alert, ...]:
    if not alerts:
        raise ValueError("there is no alert in it")
    if len(alerts) > _ALERTS_MOST:
        raise ValueError(f"more than {_ALERTS_MOST} alerts: set Max Alerts in the contact point")
    return alerts


class _Unified(Wire):
    org: Text = Field("", alias="orgId")
    external_url: Text = Field("", alias="externalURL")
    alerts: Annotated[tuple[_Alert, ...], AfterValidator(_some)]


class _Match(Wire):
    metric: Text = ""
    tags: Named = Field({})


class _Legacy(Wire):
    state: Literal["alerting", "no_data", "ok", "pending", "paused", "unknown"]
    rule: str = Field(alias="ruleId")
    name: str = Field(alias="ruleName")
    rule_url: Text = Field("", alias="ruleUrl")
    image_url: Text = Field("", alias="imageUrl")
    org: Text = Field("", alias="orgId")
    dashboard: Text = Field("", alias="dashboardId")
    panel: Text = Field("", alias="panelId")
    title: Text = ""
    message: Text = ""
    tags: Named = Field({})
    matches: Annotated[tuple[_Match, ...], Nullable] = Field((), alias="evalMatches")


def _kind(body: object) -> str | None:
    if isinstance(body, dict):
        return "unified" if "alerts" in body else "legacy" if "ruleId" in body else None
    return None


class _Notification(
    RootModel[
        Annotated[
            Annotated[_Unified, Tag("unified")] | Annotated[_Legacy, Tag("legacy")],
            Discriminator(
                _kind,
                custom_error_type="format",
                custom_error_message="neither unified alerting (alerts) nor legacy (ruleId)",
            ),
        ]
    ]
):
    """Unified or legacy alerting, told apart by shape."""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alerts of one notification, in its order.

    Raises:
        ValidationError: the body is not what Grafana sends.
    """
    notification = _Notification.model_validate_json(webhook.body).root
    if isinstance(notification, _Unified):
        return tuple(_unified(webhook.source, one, notification) for one in notification.alerts)
    status = _STATES.get(notification.state)
    return (_legacy(webhook.source, notification, status),) if status else ()


def _unified(source: str, alert: _Alert, notification: _Unified) -> Alert:
    labels, said = alert.labels, alert.annotations
    name = labels.get("alertname", "")
    identity = {key: value for key, value in labels.items() if key not in NOT_IDENTITY}
    return normalised(
        source,
        name=name,
        status=alert.status,
        # Label names have no space, so that none can be mistaken for it.
        identity={**identity, "of organisation": notification.org},
        title=said.get("summary") or said.get("title") or name,
        description=said.get("description") or said.get("message") or "",
        severity=severity_of(labels.get("severity", "")),
        resource=labels.get("instance") or labels.get("pod") or labels.get("job") or "",
        labels=labels,
        annotations={**said, "value": alert.value} if alert.value else said,
        links={
            "generator": alert.generator_url,
            "dashboard": alert.dashboard_url or said.get("dashboard_url", ""),
            "panel": alert.panel_url,
            "silence": alert.silence_url,
            "image": alert.image_url,
            "runbook": said.get("runbook_url", ""),
            "grafana": notification.external_url,
        },
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
    )


def _legacy(source: str, rule: _Legacy, status: AlertStatus) -> Alert:
    ids = {"rule_id": rule.rule, "org_id": rule.org}
    where = {"dashboard_id": rule.dashboard, "panel_id": rule.panel}
    tags = rule.matches[0].tags if rule.matches else {}
    return normalised(
        source,
        name=rule.name,
        status=status,
        identity=ids,
        # Its title begins with the state.
        title=rule.name,
        description=rule.message,
        severity=severity_of(rule.tags.get("severity", "")),
        resource=tags.get("instance") or tags.get("host") or rule.tags.get("host", ""),
        labels={**rule.tags, **ids, **where},
        annotations={"title": rule.title, "state": rule.state},
        links={"rule": rule.rule_url, "image": rule.image_url},
        variant="",
    )
