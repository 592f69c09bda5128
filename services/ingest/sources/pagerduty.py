"""PagerDuty's webhooks, version 3 and the older version 2.

Version 3 (``event``): https://github.com/PagerDuty/developer-docs/blob/main/docs/webhooks/01-Overview.md
Version 2 (``messages``): https://github.com/PagerDuty/developer-docs/blob/main/docs/webhooks/09-V2-Overview.md

An incident is one problem, by its id in both versions. It fires when it is triggered, reopened, no
longer acknowledged, or given another priority; acknowledgements, notes, escalations and all other
events, also those of services, give no alert.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Discriminator, Field, RootModel, Tag

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Nullable, Text, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

_MESSAGES_MOST: Final = 1_000
_EVENTS: Final = {
    "incident.triggered": AlertStatus.FIRING,
    "incident.reopened": AlertStatus.FIRING,
    "incident.unacknowledged": AlertStatus.FIRING,
    "incident.priority_updated": AlertStatus.FIRING,
    "incident.resolved": AlertStatus.RESOLVED,
    # Version 2.
    "incident.trigger": AlertStatus.FIRING,
    "incident.unacknowledge": AlertStatus.FIRING,
    "incident.resolve": AlertStatus.RESOLVED,
}
_NUMBERED: Final = re.compile(r"(?:P|SEV|SEVERITY)[ -]?([1-5])", re.IGNORECASE)


class _Reference(Wire):
    id: Text = ""
    summary: Text = ""
    name: Text = ""
    html_url: Text = ""


class _Body(Wire):
    details: Text = ""


class _Incident(Wire):
    id: str = Field(min_length=1)
    title: Text = ""
    summary: Text = ""
    status: Text = ""
    number: Text = ""
    incident_number: Text = ""
    incident_key: Text = ""
    html_url: Text = ""
    urgency: Text = ""
    created_at: Time = None
    service: _Reference | None = None
    priority: _Reference | None = None
    escalation_policy: _Reference | None = None
    teams: Annotated[tuple[_Reference, ...], Nullable] = ()
    body: _Body | None = None


class _Other(Wire):
    """An event that gives no alert: only its name is looked at."""

    name: str = Field(alias="event_type")


class _Event(Wire):
    name: str = Field(alias="event_type")
    occurred_at: Time = None
    incident: _Incident = Field(alias="data")


def _event(event: object) -> str:
    known = isinstance(event, dict) and event.get("event_type") in tuple(_EVENTS)
    return "incident" if known else "other"


class _V3(Wire):
    event: Annotated[
        Annotated[_Event, Tag("incident")] | Annotated[_Other, Tag("other")],
        Discriminator(_event),
    ]


class _Message(Wire):
    name: str = Field(alias="event")
    occurred_at: Time = Field(None, alias="created_on")
    incident: _Incident


def _some(messages: tuple[_Message, ...]) -> tuple[_Message, ...]:
    if not 0 < len(messages) <= _MESSAGES_MOST:
        raise ValueError(f"there have to be 1 to {_MESSAGES_MOST} messages")
    return messages


class _V2(Wire):
    messages: Annotated[tuple[_Message, ...], AfterValidator(_some)]


def _version(body: object) -> str | None:
    if isinstance(body, dict):
        return "v3" if "event" in body else "v2" if "messages" in body else None
    return None


class _Notification(
    RootModel[
        Annotated[
            Annotated[_V3, Tag("v3")] | Annotated[_V2, Tag("v2")],
            Discriminator(
                _version,
                custom_error_type="format",
                custom_error_message="neither version 3 (event) nor version 2 (messages)",
            ),
        ]
    ]
):
    """Version 3 or version 2, told apart by shape."""


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alerts of one webhook: of version 3 one at most, of version 2 one a message.

    Raises:
        ValidationError: the body is not what PagerDuty sends.
    """
    notification = _Notification.model_validate_json(webhook.body).root
    events = (notification.event,) if isinstance(notification, _V3) else notification.messages
    return tuple(
        _alert(webhook.source, event, _EVENTS[event.name])
        for event in events
        if not isinstance(event, _Other) and _says(event)
    )


def _says(event: _Event | _Message) -> bool:
    """Whether it tells that the incident is there or gone."""
    # The priority of one that is over may still be changed.
    late = _EVENTS.get(event.name) is AlertStatus.FIRING and event.incident.status == "resolved"
    return event.name in _EVENTS and not late


def _alert(source: str, event: _Event | _Message, status: AlertStatus) -> Alert:
    incident = event.incident
    service = incident.service or _Reference()
    title = incident.title or incident.summary
    return normalised(
        source,
        name=title or f"Incident {incident.id}",
        status=status,
        identity={"incident": incident.id},
        description=incident.body.details if incident.body else "",
        severity=_severity(incident),
        resource=service.summary or service.name,
        labels=labelled(
            {
                "service": service.summary or service.name,
                "service_id": service.id,
                "incident_id": incident.id,
                "incident_number": incident.number or incident.incident_number,
                "incident_key": incident.incident_key,
                "urgency": incident.urgency,
                "team": incident.teams[0].summary if incident.teams else "",
            }
        ),
        annotations=labelled({"escalation_policy": (incident.escalation_policy or service).summary})
        if incident.escalation_policy
        else {},
        links={"incident": incident.html_url, "service": service.html_url},
        starts_at=incident.created_at,
        ends_at=event.occurred_at,
        variant="",
    )


def _severity(incident: _Incident) -> Severity | None:
    """By the priority, whose names an account may choose, or else by the urgency."""
    priority = incident.priority.summary or incident.priority.name if incident.priority else ""
    if numbered := _NUMBERED.fullmatch(priority.strip()):
        return Severity(f"P{min(int(numbered[1]), 4)}")
    return severity_of(priority) or severity_of(incident.urgency)
