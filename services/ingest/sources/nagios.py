r"""Nagios' and Icinga's notifications, as a JSON document that a notification command posts.

Neither product posts by itself; the macros are those of
https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html and
https://icinga.com/docs/icinga-2/latest/doc/03-monitoring-basics/. Both run the same script, which
leaves all quoting to jq:

    #!/bin/sh
    jq -n 'env | with_entries(select(.key | startswith("HANDRAIL_")))
        | with_entries(.key |= (ltrimstr("HANDRAIL_") | ascii_downcase))' \
      | curl -fsS -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \
          --data-binary @- https://handrail.example.com/webhooks/nagios

Icinga sets the names in the `env` of a NotificationCommand:

    env = {
      HANDRAIL_NOTIFICATION_TYPE = "$notification.type$"   HANDRAIL_HOST = "$host.name$"
      HANDRAIL_ADDRESS = "$host.address$"                  HANDRAIL_HOST_STATE = "$host.state$"
      HANDRAIL_HOST_OUTPUT = "$host.output$"               HANDRAIL_URL = "$host.notes_url$"
      HANDRAIL_STATE_CHANGE = "$host.last_state_change$"
    }

and for services also HANDRAIL_SERVICE = "$service.name$", HANDRAIL_SERVICE_STATE, _SERVICE_OUTPUT,
and _STATE_CHANGE and _URL of the service. Nagios sets them in the command_line, before the script:
NOTIFICATION_TYPE='$NOTIFICATIONTYPE$', HOST='$HOSTNAME$', ADDRESS='$HOSTADDRESS$',
HOST_STATE='$HOSTSTATE$', HOST_OUTPUT='$HOSTOUTPUT$', STATE_CHANGE='$LASTHOSTSTATECHANGE$' and
URL='$HOSTNOTESURL$'; for services SERVICE='$SERVICEDESC$', SERVICE_STATE='$SERVICESTATE$',
SERVICE_OUTPUT='$SERVICEOUTPUT$', STATE_CHANGE='$LASTSERVICESTATECHANGE$', URL='$SERVICENOTESURL$'
(each with HANDRAIL_ in front). SERVICE_GROUPS and HOST_GROUPS are taken too.

PROBLEM fires, RECOVERY resolves, and so does the end of flapping or of a downtime in a good state,
because no recovery is sent during it. Acknowledgements, starts of flapping and downtimes and custom
notifications give no alert.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.normal import normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime, Text, present
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

SEVERITIES: Final = {
    "DOWN": Severity.P1,
    "CRITICAL": Severity.P1,
    "UNREACHABLE": Severity.P2,
    "WARNING": Severity.P3,
    "UNKNOWN": Severity.P3,
}

_GOOD: Final = frozenset({"OK", "UP"})
# Nagios, Icinga and Checkmk have their own words for each.
_ENDS: Final = frozenset(
    {"FLAPPINGSTOP", "FLAPPINGEND", "FLAPPINGDISABLED", "DOWNTIMEEND"}
    | {"DOWNTIMECANCELLED", "DOWNTIMEREMOVED"},
)


def status_of(notification: str, state: str) -> AlertStatus | None:
    """What a notification of this type says of the problem; None where it says nothing."""
    kind = notification.upper()
    if kind == "PROBLEM":
        return AlertStatus.FIRING
    if kind == "RECOVERY" or (kind in _ENDS and state.upper() in _GOOD):
        return AlertStatus.RESOLVED
    return None


class _Notification(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    # A macro that was not replaced keeps its dollars.
    notification_type: str = Field(pattern=r"^[A-Za-z]{1,40}$")
    host: str = Field(min_length=1, pattern=r"^[^$]")
    address: Text = ""
    host_state: Text = ""
    host_output: Text = ""
    host_groups: Text = ""
    service: Text = ""
    service_state: Text = ""
    service_output: Text = ""
    service_groups: Text = ""
    state_change: LooseTime = None
    url: Text = ""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert of one notification, if it is about a problem.

    Raises:
        ValidationError: the body is not the document of this module.
    """
    said = _Notification.model_validate_json(webhook.body)
    state = said.service_state if said.service else said.host_state
    status = status_of(said.notification_type, state)
    return (_alert(webhook.source, status, state, said),) if status else ()


def _alert(source: str, status: AlertStatus, state: str, said: _Notification) -> Alert:
    where = f"{said.service} on {said.host}" if said.service else said.host
    return normalised(
        source,
        name=said.service or "Host check",
        status=status,
        identity={"host": said.host, "service": said.service},
        variant="",
        title=f"{where} is {state or said.notification_type}",
        description=said.service_output if said.service else said.host_output,
        severity=SEVERITIES.get(state.upper()),
        resource=said.host,
        labels=present(
            {
                "host": said.host,
                "instance": said.host,
                "address": said.address,
                "service": said.service,
                "host_groups": said.host_groups,
                "service_groups": said.service_groups,
            }
        ),
        links={"notes": said.url},
        starts_at=said.state_change if status is AlertStatus.FIRING else None,
        ends_at=said.state_change,
    )
