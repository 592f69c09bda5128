"""Site24x7's webhook, with "Post as JSON" and "Send Incident Parameters".

The parameters are documented at
https://www.site24x7.com/help/admin/third-party-integration/webhooks.html.

DOWN, CRITICAL and TROUBLE fire, UP resolves; other states (maintenance, suspended, discovery,
configuration error) say neither and give no alert. The three are one problem of the monitor, that
gets better or worse.
"""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.ingest.normal import normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime, Text, host_of, present
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# Site24x7's own order: what is down does not answer, what is critical or in trouble does.
_SEVERITIES: Final = {"DOWN": Severity.P1, "CRITICAL": Severity.P2, "TROUBLE": Severity.P3}


def _joined(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list) else value


_List = Annotated[Text, BeforeValidator(_joined)]


class _Notification(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    status: str = Field(alias="STATUS", min_length=1)
    monitor: str = Field(alias="MONITORNAME", min_length=1)
    monitor_id: Text = Field("", alias="MONITOR_ID")
    type: Text = Field("", alias="MONITORTYPE")
    url: Text = Field("", alias="MONITORURL")
    group: Text = Field("", alias="MONITOR_GROUPNAME")
    reason: Text = Field("", alias="INCIDENT_REASON")
    details: Text = Field("", alias="INCIDENT_DETAILS")
    at: LooseTime = Field(None, alias="INCIDENT_TIME_ISO")
    down_since: LooseTime = Field(None, alias="OUTAGE_TIME_UNIX_FORMAT")
    locations: _List = Field("", alias="FAILED_LOCATIONS")
    tags: _List = Field("", alias="TAGS")
    dashboard: Text = Field("", alias="MONITOR_DASHBOARD_LINK")
    cause: Text = Field("", alias="RCA_LINK")


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of one notification, if it is about a problem.

    Raises:
        ValidationError: the body is not what Site24x7 sends.
    """
    said = _Notification.model_validate_json(webhook.body)
    word = said.status.strip().upper()
    if word in _SEVERITIES:
        return (_alert(webhook.source, AlertStatus.FIRING, said, _SEVERITIES[word]),)
    if word == "UP":
        return (_alert(webhook.source, AlertStatus.RESOLVED, said, None),)
    return ()


def _alert(
    source: str, status: AlertStatus, said: _Notification, severity: Severity | None
) -> Alert:
    host = host_of(said.url)
    return normalised(
        source,
        name=said.monitor,
        status=status,
        identity={"monitor": said.monitor_id or said.monitor},
        variant="",
        title=f"{said.monitor} is {said.status.lower()}",
        description=said.details or said.reason,
        severity=severity,
        resource=said.url or said.monitor,
        labels=present(
            {
                "monitor": said.monitor,
                "monitor_id": said.monitor_id,
                "type": said.type,
                "url": said.url,
                "host": host,
                "instance": said.url,
                "group": said.group,
                "tags": said.tags,
            }
        ),
        annotations=present({"reason": said.reason, "failed_locations": said.locations}),
        links={"dashboard": said.dashboard, "monitor": said.url, "cause": said.cause},
        starts_at=(said.down_since or said.at) if status is AlertStatus.FIRING else None,
        ends_at=said.at,
    )
