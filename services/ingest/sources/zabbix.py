"""Zabbix's problems, sent by a media type of the type Webhook.

Such a media type sends what its script makes of its parameters, as documented at
https://www.zabbix.com/documentation/current/en/manual/config/notifications/media/webhook. Set
these parameters (the macros are documented at
https://www.zabbix.com/documentation/current/en/manual/appendix/macros/supported_by_location):

    event_id            {EVENT.ID}              event_source        {EVENT.SOURCE}
    event_value         {EVENT.VALUE}           event_update_status {EVENT.UPDATE.STATUS}
    event_update_action {EVENT.UPDATE.ACTION}   event_name          {EVENT.NAME}
    event_nseverity     {EVENT.NSEVERITY}       event_opdata        {EVENT.OPDATA}
    event_tags          {EVENT.TAGSJSON}        event_timestamp     {EVENT.TIMESTAMP}
    recovery_timestamp  {EVENT.RECOVERY.TIMESTAMP}
    trigger_id          {TRIGGER.ID}            trigger_name        {TRIGGER.NAME.ORIG}
    trigger_description {TRIGGER.DESCRIPTION}   trigger_url         {TRIGGER.URL}
    host_name           {HOST.HOST}             host_ip             {HOST.IP}
    host_groups         {TRIGGER.HOSTGROUP.NAME}
    zabbix_url          {$ZABBIX.URL}           alert_message       {ALERT.MESSAGE}
    url                 https://handrail.example.com/webhooks/zabbix
    token               the token of this source in handrail.yaml

and this script, which sends all of them but the last two:

    var said = JSON.parse(value), request = new HttpRequest(), url = said.url;
    request.addHeader('Content-Type: application/json');
    request.addHeader('Authorization: Bearer ' + said.token);
    delete said.url; delete said.token;
    var answer = request.post(url, JSON.stringify(said));
    if (request.getStatus() !== 202) { throw 'Handrail: ' + request.getStatus() + ' ' + answer; }
    return 'OK';

Let the action send problem, recovery and update operations.
"""

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, Json

from services.ingest.normal import Time, normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# Not classified, information, warning, average, high, disaster.
_SEVERITIES: Final = {
    "1": Severity.P4,
    "2": Severity.P3,
    "3": Severity.P3,
    "4": Severity.P2,
    "5": Severity.P1,
}
# What stands where a macro has no value here, or is not known to this version.
_UNRESOLVED: Final = re.compile(r"\{\$?[A-Z][^{}]*\}|\*UNKNOWN\*")
_ID: Final = r"^[0-9]{1,20}$"


def _resolved(value: object) -> object:
    return "" if isinstance(value, str) and _UNRESOLVED.fullmatch(value) else value


def _some_tags(value: object) -> object:
    return _resolved(value) or "[]"


_Macro = Annotated[Text, BeforeValidator(_resolved)]
_Stamp = Annotated[Time, BeforeValidator(_resolved)]


class _Tag(Wire):
    tag: str
    value: Text = ""


class _Event(Wire):
    event_id: str = Field(pattern=_ID)
    # Of triggers: discoveries, autoregistrations and services have other fields.
    event_source: Literal["0"] = "0"
    event_value: Literal["0", "1"]
    event_update_status: _Macro = ""
    event_update_action: _Macro = ""
    event_name: _Macro = ""
    event_nseverity: _Macro = ""
    event_opdata: _Macro = ""
    event_tags: Annotated[Json[tuple[_Tag, ...]], BeforeValidator(_some_tags)] = ()
    event_timestamp: _Stamp = None
    recovery_timestamp: _Stamp = None
    trigger_id: str = Field(pattern=_ID)
    trigger_name: _Macro = ""
    trigger_description: _Macro = ""
    trigger_url: _Macro = ""
    host_name: _Macro = ""
    host_ip: _Macro = ""
    host_groups: _Macro = ""
    zabbix_url: _Macro = ""
    alert_message: _Macro = ""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The problem that began, got another severity, or is over.

    None for other updates, such as an acknowledgement or a message. A trigger belongs to its hosts,
    and tells one problem from another; where it makes several problems at the same time, it is over
    when all of those are.

    Raises:
        ValidationError: the body is not what the script above sends.
    """
    event = _Event.model_validate_json(webhook.body)
    updated = event.event_update_status == "1"
    if updated and event.event_value == "1" and "severity" not in event.event_update_action:
        return ()
    return (_alert(webhook.source, event),)


def _alert(source: str, event: _Event) -> Alert:
    firing = event.event_value == "1"
    return normalised(
        source,
        name=event.trigger_name or event.event_name,
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        identity={"trigger_id": event.trigger_id},
        variant=event.event_id,
        title=event.event_name or event.trigger_name,
        description=event.alert_message or event.trigger_description,
        severity=_SEVERITIES.get(event.event_nseverity),
        resource=event.host_name or event.host_ip,
        labels=_labels(event),
        links=_links(event),
        starts_at=event.event_timestamp,
        ends_at=event.recovery_timestamp,
    )


def _labels(event: _Event) -> dict[str, str]:
    """Tags under their names, and what the event says itself."""
    said = {
        "host": event.host_name,
        "host_ip": event.host_ip,
        "host_groups": event.host_groups,
        "trigger_id": event.trigger_id,
        "event_id": event.event_id,
        "opdata": event.event_opdata,
    }
    return labelled({tag.tag: tag.value for tag in event.event_tags}) | labelled(said)


def _links(event: _Event) -> dict[str, str]:
    about = f"tr_events.php?triggerid={event.trigger_id}&eventid={event.event_id}"
    frontend = event.zabbix_url.rstrip("/")
    return {
        "zabbix": f"{frontend}/{about}" if frontend else "",
        "runbook": event.trigger_url,
    }
