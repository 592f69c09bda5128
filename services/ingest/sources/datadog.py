"""Datadog's webhook integration: https://docs.datadoghq.com/integrations/webhooks/.

Datadog posts what it is told to. This has to stand in the webhook's Payload field, and
``@webhook-NAME`` in the message of each monitor (also for its recovery)::

    {
      "alert_id": "$ALERT_ID",
      "alert_title": "$ALERT_TITLE",
      "alert_transition": "$ALERT_TRANSITION",
      "alert_type": "$ALERT_TYPE",
      "alert_priority": "$ALERT_PRIORITY",
      "alert_scope": "$ALERT_SCOPE",
      "alert_status": "$ALERT_STATUS",
      "alert_metric": "$ALERT_METRIC",
      "alert_query": "$ALERT_QUERY",
      "alert_cycle_key": "$ALERT_CYCLE_KEY",
      "hostname": "$HOSTNAME",
      "tags": "$TAGS",
      "event_title": "$EVENT_TITLE",
      "text": "$TEXT_ONLY_MSG",
      "link": "$LINK",
      "snapshot": "$SNAPSHOT",
      "org_id": "$ORG_ID",
      "org_name": "$ORG_NAME",
      "date": "$DATE"
    }

Fields may be left out but ``alert_id`` and ``alert_transition``; without ``alert_scope`` (or
``hostname`` where a monitor has no groups) its instances cannot be told apart. A monitor without
data fires. A monitor's instance is its id with its scope, whatever order the scope's tags have.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, Wire, labelled
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity

_TRANSITIONS: Final = {
    **dict.fromkeys(
        (
            "triggered",
            "re-triggered",
            "warn",
            "re-warn",
            "no data",
            "re-no data",
            "renotify",
            "re-notify",
        ),
        AlertStatus.FIRING,
    ),
    **dict.fromkeys(("recovered", "warn recovered", "no data recovered"), AlertStatus.RESOLVED),
}

# Datadog writes the state before a monitor's name: "[Triggered on {host:web-1}] ...".
_STATE: Final = re.compile(
    r"\A(?:\[(?:P\d|(?:Re-)?(?:Triggered|Warn|No Data)|Recovered|Renotify)[^\]]*\]\s*)+"
)


def _given(value: object) -> object:
    # A variable that Datadog has nothing for stays as it was written, or is null.
    nothing = value is None or (
        isinstance(value, str) and (value == "null" or value.startswith("$"))
    )
    return "" if nothing else value


_Variable = Annotated[Text, BeforeValidator(_given)]


def _some(value: str) -> str:
    if not value:
        raise ValueError("it is empty: is its $VARIABLE in the webhook's payload?")
    return value


def _known(transition: str) -> str:
    if transition.strip().lower() not in _TRANSITIONS:
        raise ValueError("no transition of a monitor: use $ALERT_TRANSITION in the payload")
    return transition.strip().lower()


class _Notification(Wire):
    alert_id: Annotated[_Variable, AfterValidator(_some)]
    alert_transition: Annotated[_Variable, AfterValidator(_some), AfterValidator(_known)]
    alert_title: _Variable = ""
    alert_type: _Variable = ""
    alert_priority: _Variable = ""
    alert_scope: _Variable = ""
    alert_status: _Variable = ""
    alert_metric: _Variable = ""
    alert_query: _Variable = ""
    alert_cycle_key: _Variable = ""
    hostname: _Variable = ""
    tags: _Variable = ""
    event_title: _Variable = ""
    text: _Variable = ""
    link: _Variable = ""
    snapshot: _Variable = ""
    org_id: _Variable = ""
    org_name: _Variable = ""
    date: Annotated[Time, BeforeValidator(_given)] = None


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The one alert of a notification.

    Raises:
        ValidationError: the body does not come from the payload that is told above.
    """
    said = _Notification.model_validate_json(webhook.body)
    scope = ",".join(sorted(set(_tags(said.alert_scope))))
    named = {**_named(said.tags), **_named(said.alert_scope)}
    host = said.hostname or named.get("host", "")
    return (
        normalised(
            webhook.source,
            name=_STATE.sub("", said.alert_title or said.event_title) or f"Monitor {said.alert_id}",
            status=_TRANSITIONS[said.alert_transition],
            identity={
                "monitor": said.alert_id,
                "org": said.org_id,
                "scope": scope if scope not in {"", "*"} else said.hostname,
            },
            description=said.text or said.alert_status,
            severity=_severity(said),
            resource=host or named.get("service", "") or scope,
            labels={**named, **labelled(_labels(said)), **labelled({"host": host})},
            annotations=labelled(_annotations(said)),
            links={"event": said.link, "snapshot": said.snapshot},
            starts_at=said.date,
            ends_at=said.date,
            variant="",
        ),
    )


def _labels(said: _Notification) -> dict[str, str]:
    return {
        "monitor_id": said.alert_id,
        "metric": said.alert_metric,
        "org": said.org_name,
    }


def _annotations(said: _Notification) -> dict[str, str]:
    return {
        "status": said.alert_status,
        "query": said.alert_query,
        "transition": said.alert_transition,
        "cycle_key": said.alert_cycle_key,
    }


def _severity(said: _Notification) -> Severity | None:
    priority = said.alert_priority.upper()
    if said.alert_transition.startswith(("warn", "re-warn")) and not priority:
        return Severity.P3
    # Datadog has five priorities.
    return Severity.P4 if priority == "P5" else severity_of(priority or said.alert_type)


def _tags(text: str) -> Iterator[str]:
    return (tag.strip() for tag in text.split(",") if tag.strip())


def _named(text: str) -> dict[str, str]:
    """The ``key:value`` tags as labels, of several with one key the first by the alphabet."""
    pairs = (tag.partition(":") for tag in sorted(_tags(text), reverse=True))
    return labelled({key: value for key, colon, value in pairs if colon})
