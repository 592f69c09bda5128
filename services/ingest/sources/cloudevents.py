"""CloudEvents 1.0 over HTTP: structured, binary and batched.

The formats are documented at
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md and
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md. CloudEvents say
what an event is about, not what happened, so an alert is read from them by this convention:

- status: ``data.status`` (or ``data.state``), else the last part of ``type`` after a dot, by the
  words of ``_WORDS``; an event in which neither is such a word gives no alert.
- name: ``data.name``, else ``type`` without a last part that is a status.
- identity: ``source``, ``subject``, that type, ``data.name``, ``data.resource`` and ``data.labels``
  but for those that are no identity with Alertmanager (severity and the like); with
  ``data.fingerprint``, ``source`` and that alone. Never ``id`` and ``time``.
- title: ``data.title``, ``data.summary`` or the name; description: ``data.description`` or
  ``data.message``, or the data where it is a text.
- severity: ``data.severity``, else the extension ``severity`` or ``severitytext``.
- resource: ``data.resource``, else ``subject``, else ``source``; links: ``data.url`` and
  ``data.links``; the time: ``time``.
"""

from base64 import b64decode
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from services.ingest.normal import Time, normalised, severity_of
from services.ingest.sources.alertmanager import NOT_IDENTITY
from services.ingest.webhook import Webhook
from services.ingest.wire import Text, present
from shared.events import Alert, AlertStatus

_FIRING: Final = (
    "firing fired alerting active open opened triggered raised "
    "failed failure failing error down problem unhealthy"
)
_RESOLVED: Final = (
    "resolved ok up closed cleared recovered recovery inactive succeeded success healthy normal"
)
_WORDS: Final = {
    **dict.fromkeys(_FIRING.split(), AlertStatus.FIRING),
    **dict.fromkeys(_RESOLVED.split(), AlertStatus.RESOLVED),
}
_EVENTS_MOST: Final = 10_000
_PREFIX: Final = "ce-"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _flat(value: object) -> object:
    """What is no single value is for somebody else, and no reason to refuse the event."""
    return None if isinstance(value, dict | list) else value


def _flat_all(value: object) -> object:
    if not isinstance(value, dict):
        return {}
    return {str(name): _flat(text) for name, text in value.items()}


_Word = Annotated[Text, BeforeValidator(_flat)]
_Words = Annotated[dict[str, Text], BeforeValidator(_flat_all)]


class _Data(_Model):
    status: _Word = ""
    state: _Word = ""
    name: _Word = ""
    title: _Word = ""
    summary: _Word = ""
    description: _Word = ""
    message: _Word = ""
    severity: _Word = ""
    resource: _Word = ""
    fingerprint: _Word = ""
    url: _Word = ""
    labels: _Words = {}
    links: _Words = {}


def _data(value: object) -> object:
    return value if isinstance(value, dict) else {"description": _flat(value)}


class _Event(_Model):
    specversion: Literal["1.0"]
    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    type: str = Field(min_length=1)
    subject: Text = ""
    time: Time = None
    severity: _Word = ""
    severitytext: _Word = ""
    data: Annotated[_Data, BeforeValidator(_data)] = _Data()

    @model_validator(mode="before")
    @classmethod
    def _decoded(cls, value: object) -> object:
        if not isinstance(value, dict) or not isinstance(value.get("data_base64"), str):
            return value
        return {**value, "data": _json_or_text(b64decode(value["data_base64"], validate=True))}


_ANY: Final[TypeAdapter[Any]] = TypeAdapter(Any)
_BATCH: Final = TypeAdapter(
    Annotated[tuple[_Event, ...], Field(min_length=1, max_length=_EVENTS_MOST)]
)


def parse(webhook: Webhook) -> tuple[Alert, ...]:
    """The alerts of one request, in its order.

    Raises:
        ValidationError: the request is no CloudEvent, or an empty batch.
    """
    alerts = (_alert(webhook.source, event) for event in _events(webhook))
    return tuple(alert for alert in alerts if alert is not None)


def _events(webhook: Webhook) -> tuple[_Event, ...]:
    media = webhook.headers.get("content-type", "").lower()
    batch = webhook.body.lstrip().startswith(b"[")
    if media.startswith("application/cloudevents-batch") or (
        batch and _PREFIX + "specversion" not in webhook.headers
    ):
        return _BATCH.validate_json(webhook.body)
    if not media.startswith("application/cloudevents") and (
        _PREFIX + "specversion" in webhook.headers
    ):
        return (_binary(webhook),)
    return (_Event.model_validate_json(webhook.body),)


def _binary(webhook: Webhook) -> _Event:
    attributes: dict[str, object] = {
        name.removeprefix(_PREFIX): unquote(value)
        for name, value in webhook.headers.items()
        if name.startswith(_PREFIX)
    }
    media = webhook.headers.get("content-type", "application/json").partition(";")[0].strip()
    if not webhook.body:
        data: object = None
    elif media.lower().endswith(("/json", "+json")):
        data = _ANY.validate_json(webhook.body)
    else:
        data = webhook.body.decode("utf-8", "replace")
    return _Event.model_validate({**attributes, "data": data})


def _json_or_text(content: bytes) -> object:
    try:
        return _ANY.validate_json(content)
    except ValidationError:
        return content.decode("utf-8", "replace")


def _alert(source: str, event: _Event) -> Alert | None:
    data = event.data
    stem, _, last = event.type.rpartition(".")
    kind = stem if stem and last.lower() in _WORDS else event.type
    status = _WORDS.get((data.status or data.state or last).strip().lower())
    if status is None:
        return None
    return normalised(
        source,
        name=data.name or kind,
        status=status,
        identity=_identity(event, kind),
        variant="",
        title=data.title or data.summary or data.name or kind,
        description=data.description or data.message,
        severity=severity_of(data.severity or event.severity or event.severitytext),
        resource=data.resource or event.subject or event.source,
        labels=present(
            {
                "ce_source": event.source,
                "ce_subject": event.subject,
                "ce_type": kind,
                "instance": data.resource or event.subject,
                **data.labels,
            }
        ),
        annotations={"ce_id": event.id},
        links={"event": data.url, **data.links},
        starts_at=event.time if status is AlertStatus.FIRING else None,
        ends_at=event.time,
    )


def _identity(event: _Event, kind: str) -> dict[str, str]:
    said = {"ce source": event.source}
    if event.data.fingerprint:
        return {**said, "ce fingerprint": event.data.fingerprint}
    labels = {
        f"label {name}": text
        for name, text in event.data.labels.items()
        if name not in NOT_IDENTITY
    }
    return {
        **said,
        **labels,
        "ce subject": event.subject,
        "ce type": kind,
        "name": event.data.name,
        "resource": event.data.resource,
    }
