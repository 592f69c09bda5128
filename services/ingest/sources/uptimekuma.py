"""Uptime Kuma's webhook, with the preset body as JSON or as form data.

The format is documented under "Webhook" at
https://github.com/louislam/uptime-kuma/wiki/Notification-Methods and written by
https://github.com/louislam/uptime-kuma/blob/master/server/notification-providers/webhook.js.

DOWN fires and UP resolves; PENDING and MAINTENANCE say neither and give no alert, nor does the test
notification. A certificate or domain that expires comes as a text alone: it fires, and Uptime Kuma
never tells that it was renewed. A tag named "severity" or "priority" is the severity. A body of
one's own ("Custom Body") is for the generic source.
"""

import re
from enum import IntEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.normal import normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime, Text, host_of, present
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

_EXPIRES: Final = re.compile(r"\[(.*?)\]\[(.*?)\] (.{1,500}) will expire in (-?\d{1,6}) days?")
# What a monitor without an address of its own has as its URL.
_NO_URL: Final = frozenset({"http://", "https://"})
_SEVERITY_TAGS: Final = frozenset({"severity", "priority"})
_BOUNDARY: Final = re.compile(r'boundary="?([^";,]+)')


class _Status(IntEnum):
    DOWN = 0
    UP = 1
    PENDING = 2
    MAINTENANCE = 3


_MEANING: Final = {_Status.DOWN: AlertStatus.FIRING, _Status.UP: AlertStatus.RESOLVED}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Heartbeat(_Model):
    status: _Status
    time: LooseTime = None
    msg: Text = ""


class _Tag(_Model):
    name: Text = ""
    value: Text = ""


class _Monitor(_Model):
    id: Text = Field(min_length=1)
    name: str
    type: Text = ""
    url: Text = ""
    hostname: Text = ""
    port: Text = ""
    description: Text = ""
    tags: tuple[_Tag, ...] = ()


class _Notification(_Model):
    heartbeat: _Heartbeat | None
    monitor: _Monitor | None
    msg: Text = ""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of one notification, if it is about a problem.

    Raises:
        ValidationError: the body is not what Uptime Kuma sends.
    """
    said = _Notification.model_validate_json(_json(webhook))
    if said.monitor is None or said.heartbeat is None:
        return _expiry(webhook.source, said.msg)
    status = _MEANING.get(said.heartbeat.status)
    if status is None:
        return ()
    return (_alert(webhook.source, status, said.monitor, said.heartbeat, said.msg),)


def _json(webhook: Webhook) -> bytes:
    """The body; of form data, its part named "data"."""
    form = webhook.headers.get("content-type", "")
    boundary = _BOUNDARY.search(form) if form.startswith("multipart/form-data") else None
    if boundary is None:
        return webhook.body
    for part in webhook.body.split(b"--" + boundary[1].encode()):
        head, _, content = part.partition(b"\r\n\r\n")
        if b'name="data"' in head:
            return content
    return b""


def _alert(
    source: str, status: AlertStatus, monitor: _Monitor, heartbeat: _Heartbeat, msg: str
) -> Alert:
    url = "" if monitor.url in _NO_URL else monitor.url
    host = monitor.hostname or host_of(url)
    return normalised(
        source,
        name=monitor.name,
        status=status,
        identity={"monitor_id": monitor.id},
        variant="",
        title=f"{monitor.name} is {heartbeat.status.name.lower()}",
        description=heartbeat.msg or msg,
        severity=_severity(monitor.tags),
        resource=url or host or monitor.name,
        labels=present(
            {
                "monitor": monitor.name,
                "monitor_id": monitor.id,
                "type": monitor.type,
                "url": url,
                "host": host,
                "port": monitor.port,
                "instance": url or host,
                "tags": ",".join(tag.name for tag in monitor.tags),
            }
        ),
        annotations=present({"description": monitor.description}),
        links={"monitor": url},
        starts_at=heartbeat.time if status is AlertStatus.FIRING else None,
        ends_at=heartbeat.time,
    )


def _severity(tags: tuple[_Tag, ...]) -> Severity | None:
    said = [tag.value for tag in tags if tag.name.lower() in _SEVERITY_TAGS]
    return severity_of(said[0]) if said else None


def _expiry(source: str, msg: str) -> tuple[Alert, ...]:
    said = _EXPIRES.match(msg)
    if said is None:
        return ()
    monitor, url, what, _days = said.groups()
    return (
        normalised(
            source,
            name="Expiry",
            status=AlertStatus.FIRING,
            identity={"monitor": monitor, "url": url, "what": what},
            title=f"{what} expires soon",
            description=msg,
            severity=Severity.P3,
            resource=url or monitor,
            labels=present({"monitor": monitor, "url": url, "host": host_of(url), "what": what}),
            links={"monitor": url},
        ),
    )
