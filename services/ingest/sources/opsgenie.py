"""Opsgenie's outgoing webhook: what was done to an alert.

The format is documented as "alert action data" at
https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/ and the
integration at https://support.atlassian.com/opsgenie/docs/integrate-opsgenie-with-webhook/.
Jira Service Management's alerts send the same. Description and details come with Create only, if
they are enabled in the integration.
"""

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Texts, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

# Actions that say that the alert is open, and how bad it is, or that it is closed. With the others
# (Acknowledge, Snooze, AddNote, AssignOwnership, tags, teams, custom ones) it stays as it is.
_STATUS: Final = {
    "create": AlertStatus.FIRING,
    "updatepriority": AlertStatus.FIRING,
    "unacknowledge": AlertStatus.FIRING,
    "close": AlertStatus.RESOLVED,
    "delete": AlertStatus.RESOLVED,
}
# Opsgenie's five priorities on Handrail's four.
_LOWEST: Final = {"p5": Severity.P4}
# Larger numbers are nanoseconds since 1970; the seconds of the year 9999 in milliseconds are less.
_MILLISECONDS_MOST: Final = 10**15
_NANOSECONDS: Final = 10**6


def _from_nanoseconds(value: object) -> object:
    if isinstance(value, int) and value >= _MILLISECONDS_MOST:
        return value // _NANOSECONDS
    return value


_Stamp = Annotated[Time, BeforeValidator(_from_nanoseconds)]


class _Alert(Wire):
    alert_id: str = Field(alias="alertId", min_length=1)
    message: Text = ""
    alias: Text = ""
    tiny_id: Text = Field("", alias="tinyId")
    entity: Text = ""
    source: Text = ""
    priority: Text = ""
    tags: Texts = ()
    teams: Texts = ()
    description: Text = ""
    details: dict[str, Text] | None = None
    created_at: _Stamp = Field(None, alias="createdAt")
    updated_at: _Stamp = Field(None, alias="updatedAt")


class _Action(Wire):
    action: str
    alert: _Alert
    integration_name: Text = Field("", alias="integrationName")


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alert that was opened, closed or given another priority; none for other actions.

    An alias is the same for all alerts on one problem, and there is one open alert of it at a time.
    Details that are web addresses are the links: the payload has none to Opsgenie itself.

    Raises:
        ValidationError: the body is not what Opsgenie sends.
    """
    said = _Action.model_validate_json(webhook.body)
    status = _STATUS.get(said.action.lower())
    if status is None:
        return ()
    alert = said.alert
    return (
        normalised(
            webhook.source,
            name=alert.message,
            status=status,
            identity={"alias": alert.alias or alert.alert_id},
            variant="",
            title=alert.message,
            description=alert.description,
            severity=severity_of(alert.priority) or _LOWEST.get(alert.priority.lower()),
            resource=alert.entity,
            labels=_labels(said),
            links=labelled(alert.details or {}),
            starts_at=alert.created_at,
            ends_at=alert.updated_at,
        ),
    )


def _labels(said: _Action) -> dict[str, str]:
    alert = said.alert
    known = {
        "alias": alert.alias,
        "entity": alert.entity,
        "priority": alert.priority,
        "origin": alert.source,
        "tags": ",".join(alert.tags),
        "teams": ",".join(alert.teams),
        "tiny_id": alert.tiny_id,
        "integration": said.integration_name,
    }
    return labelled(alert.details or {}) | labelled(known)
