"""ServiceNow's incidents, sent by a business rule.

ServiceNow has no webhook of its own: a business rule on ``incident`` posts with RESTMessageV2, as
documented at https://www.servicenow.com/docs/r/zurich/api-reference/server-api-reference/
c_RESTMessageV2API.html. Let it run "after" insert and update, when state or priority changes, with
this script ("async" rules do not know the state before):

    (function executeRule(current, previous) {
        var request = new sn_ws.RESTMessageV2();
        request.setHttpMethod('POST');
        request.setEndpoint('https://handrail.example.com/webhooks/servicenow');
        request.setRequestHeader('Content-Type', 'application/json');
        request.setRequestHeader('Authorization', 'Bearer ' + gs.getProperty('handrail.token'));
        var text = function (field) { return current.getDisplayValue(field); };
        request.setRequestBody(JSON.stringify({
            sys_id: current.getUniqueValue(), number: current.getValue('number'),
            state: current.getValue('state'),
            previous_state: previous ? previous.getValue('state') : '',
            short_description: current.getValue('short_description'),
            description: current.getValue('description'), priority: current.getValue('priority'),
            category: text('category'), cmdb_ci: text('cmdb_ci'),
            business_service: text('business_service'), assignment_group: text('assignment_group'),
            opened_at: current.getValue('opened_at'), resolved_at: current.getValue('resolved_at'),
            url: gs.getProperty('glide.servlet.uri') + current.getLink(true)
        }));
        request.executeAsync();
    })(current, previous);
"""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from services.ingest.normal import Time, normalised
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# The states of the table as it is delivered, by value and as they are displayed.
_OPEN: Final = frozenset({"1", "new"})
_WORKED_ON: Final = frozenset({"2", "in progress", "3", "on hold"})
_OVER: Final = frozenset({"6", "resolved", "7", "closed", "8", "canceled"})
# Displayed as "1 - Critical" to "5 - Planning".
_PRIORITIES: Final = {
    "1": Severity.P1,
    "2": Severity.P2,
    "3": Severity.P3,
    "4": Severity.P4,
    "5": Severity.P4,
}
# Times are stored in UTC, and written without saying so.
_STORED: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def _in_utc(value: object) -> object:
    return f"{value}Z" if isinstance(value, str) and _STORED.fullmatch(value) else value


_Stored = Annotated[Time, BeforeValidator(_in_utc)]


class _Incident(Wire):
    sys_id: str = Field(min_length=1)
    state: str = Field(min_length=1)
    previous_state: Text = ""
    number: Text = ""
    short_description: Text = ""
    description: Text = ""
    priority: Text = ""
    category: Text = ""
    cmdb_ci: Text = ""
    business_service: Text = ""
    assignment_group: Text = ""
    opened_at: _Stored = None
    resolved_at: _Stored = None
    url: Text = ""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The incident that is new, has another priority, was reopened, or is over.

    None for one that somebody begins to work on or that waits, nor for states of an own making.

    Raises:
        ValidationError: the body is not what the script above sends.
    """
    incident = _Incident.model_validate_json(webhook.body)
    status = _status(incident)
    return () if status is None else (_alert(webhook.source, incident, status),)


def _status(incident: _Incident) -> AlertStatus | None:
    state, before = incident.state.strip().lower(), incident.previous_state.strip().lower()
    if state in _OVER:
        return AlertStatus.RESOLVED
    # A change that leaves an incident in work in its state is one of its priority.
    told_again = before in _OVER or before == state
    if state in _OPEN or (state in _WORKED_ON and told_again):
        return AlertStatus.FIRING
    return None


def _alert(source: str, incident: _Incident, status: AlertStatus) -> Alert:
    title = incident.short_description
    return normalised(
        source,
        name=title,
        status=status,
        identity={"sys_id": incident.sys_id},
        variant="",
        title=f"{incident.number}: {title}" if incident.number and title else title,
        description=incident.description,
        severity=_PRIORITIES.get(incident.priority.strip()[:1]),
        resource=incident.cmdb_ci or incident.business_service,
        labels=_labels(incident),
        links={"servicenow": incident.url},
        starts_at=incident.opened_at,
        ends_at=incident.resolved_at,
    )


def _labels(incident: _Incident) -> dict[str, str]:
    return labelled(
        {
            "number": incident.number,
            "sys_id": incident.sys_id,
            "host": incident.cmdb_ci,
            "cmdb_ci": incident.cmdb_ci,
            "service": incident.business_service,
            "category": incident.category,
            "assignment_group": incident.assignment_group,
            "priority": incident.priority,
        }
    )
