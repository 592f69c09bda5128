r"""Checkmk's notification context, as a notification script posts it.

The variables are documented under "Notification scripts" at
https://docs.checkmk.com/latest/en/notifications.html. The script lies in
~/local/share/check_mk/notifications, and leaves out the parameters, which may hold secrets:

    #!/bin/sh
    # Handrail
    jq -n 'env | with_entries(select((.key | startswith("NOTIFY_"))
        and (.key | startswith("NOTIFY_PARAMETER") | not)))' \
      | curl -fsS -H "Authorization: Bearer $(cat ~/etc/handrail.token)" \
          -H "Content-Type: application/json" --data-binary @- \
          https://handrail.example.com/webhooks/checkmk

NOTIFY_URL_PREFIX, where the script adds it ("https://checkmk.example.com"), makes links of the
paths. What fires and resolves is as with Nagios, from which Checkmk has the words; ALERTHANDLER
gives no alert.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.normal import normalised
from services.ingest.sources.nagios import SEVERITIES, status_of
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime, Text, present
from shared.events import Alert, AlertStatus


class _What(StrEnum):
    HOST = "HOST"
    SERVICE = "SERVICE"


def _named(name: str) -> str:
    return f"NOTIFY_{name.upper()}"


class _Context(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=_named)

    what: _What
    notificationtype: str = Field(min_length=1)
    hostname: str = Field(min_length=1)
    hostaddress: Text = ""
    hostalias: Text = ""
    hoststate: Text = ""
    hostoutput: Text = ""
    longhostoutput: Text = ""
    hostgroupnames: Text = ""
    hosturl: Text = ""
    lasthoststatechange: LooseTime = None
    servicedesc: Text = ""
    servicestate: Text = ""
    serviceoutput: Text = ""
    longserviceoutput: Text = ""
    servicegroupnames: Text = ""
    serviceurl: Text = ""
    lastservicestatechange: LooseTime = None
    omd_site: Text = ""
    url_prefix: Text = ""


class _Subject(BaseModel):
    """What the notification is about: a service or a host."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: str
    output: str
    path: str
    changed: LooseTime


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of one notification, if it is about a problem.

    Raises:
        ValidationError: the body is no notification context.
    """
    said = _Context.model_validate_json(webhook.body)
    about = _subject(said)
    status = status_of(said.notificationtype, about.state)
    return (_alert(webhook.source, status, about, said),) if status else ()


def _subject(said: _Context) -> _Subject:
    if said.what is _What.HOST:
        return _Subject(
            name="Host check",
            state=said.hoststate,
            output=f"{said.hostoutput}\n{said.longhostoutput}".strip(),
            path=said.hosturl,
            changed=said.lasthoststatechange,
        )
    return _Subject(
        name=said.servicedesc,
        state=said.servicestate,
        output=f"{said.serviceoutput}\n{said.longserviceoutput}".strip(),
        path=said.serviceurl,
        changed=said.lastservicestatechange,
    )


def _alert(source: str, status: AlertStatus, about: _Subject, said: _Context) -> Alert:
    service = said.servicedesc if said.what is _What.SERVICE else ""
    where = f"{service} on {said.hostname}" if service else said.hostname
    return normalised(
        source,
        name=about.name,
        status=status,
        identity={"site": said.omd_site, "host": said.hostname, "service": service},
        variant="",
        title=f"{where} is {about.state or said.notificationtype}",
        description=about.output,
        severity=SEVERITIES.get(about.state.upper()),
        resource=said.hostname,
        labels=present(
            {
                "host": said.hostname,
                "instance": said.hostname,
                "address": said.hostaddress,
                "alias": said.hostalias,
                "service": service,
                "site": said.omd_site,
                "host_groups": said.hostgroupnames,
                "service_groups": said.servicegroupnames if service else "",
            }
        ),
        links={"checkmk": said.url_prefix.rstrip("/") + about.path},
        starts_at=about.changed if status is AlertStatus.FIRING else None,
        ends_at=about.changed,
    )
