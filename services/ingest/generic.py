"""Any other source: read by the expressions that its ``map`` in handrail.yaml has."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pydantic_core
from pydantic import TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from services.ingest.expression import Asked, NoAnswerError
from services.ingest.normal import normalised, severity_of
from services.ingest.quarantine.kept import telling
from services.ingest.webhook import Webhook
from services.ingest.wire import LooseTime
from shared.events import Alert, AlertStatus
from shared.lifecycle import Severity
from shared.mapping import Expression, GenericMap

_ALERTS_MOST: Final = 10_000
# What CEL counts in; a larger number would lose its last digits there, and so become another one.
_INT64: Final = 2**63
_TIME: Final = TypeAdapter[datetime | None](LooseTime)
_Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Read:
    """An alert, and by what it is told from others: names with their values."""

    alert: Alert
    identity: Mapping[str, str]


def parse(mapping: GenericMap, webhook: Webhook) -> tuple[Alert, ...]:
    """The alerts of a webhook, in its order.

    Raises:
        ValidationError: the body is no JSON, or the mapping does not fit it.
    """
    return tuple(read.alert for read in reads(mapping, webhook))


def reads(mapping: GenericMap, webhook: Webhook) -> tuple[Read, ...]:
    """The alerts of a webhook, each with what is its identity.

    Raises:
        ValidationError: see ``parse``.
    """
    body = _json(webhook.body)
    # The same that quarantine keeps: it is read in the same way when it is tried again.
    headers = telling(webhook.headers, (), mapping.headers)
    asked = Asked(body, headers, len(webhook.body))
    items = _items(mapping, asked)
    asked.items = len(items)
    return tuple(
        _Item(mapping, asked, item, at).read(webhook.source) for item, at in _placed(items, body)
    )


def _json(body: bytes) -> Any:
    try:
        return _exact(pydantic_core.from_json(body, allow_inf_nan=False))
    except ValueError as error:
        wrong = InitErrorDetails(type="json_invalid", input=None, ctx={"error": str(error)})
        raise ValidationError.from_exception_data("body", [wrong]) from None


def _exact(value: Any) -> Any:
    """The value with large numbers as texts: two ids must not become one."""
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_exact(one) for one in value]
    too_large = isinstance(value, int) and not -_INT64 <= value < _INT64
    return pydantic_core.to_json(value).decode() if too_large else value


def _items(mapping: GenericMap, asked: Asked) -> list[Any]:
    found = asked.body
    if mapping.alerts is not None:
        try:
            found = asked.value(mapping.alerts, asked.body)
        except NoAnswerError as error:
            raise _wrong(("alerts",), str(error)) from None
    if isinstance(found, dict):
        return [found]
    if not isinstance(found, list):
        raise _wrong(("alerts",), "there is no object and no list of them here")
    if not found and mapping.alerts is None:
        raise _wrong(("alerts",), "there is no alert in it")
    if len(found) > _ALERTS_MOST:
        raise _wrong(("alerts",), f"more than {_ALERTS_MOST} alerts: send fewer at once")
    return found


def _placed(items: list[Any], body: Any) -> Iterator[tuple[Any, _Place]]:
    alone = len(items) == 1 and items[0] is body
    for index, item in enumerate(items):
        yield item, () if alone else ("alerts", index)


@dataclass(frozen=True)
class _Item:
    """One alert of a body; ``at`` is where it stands, for the words of a mistake."""

    mapping: GenericMap
    asked: Asked
    item: Any
    at: _Place

    def read(self, source: str) -> Read:
        if not isinstance(self.item, dict):
            raise _wrong(self.at, "an alert is an object, and this is none")
        identity = self._identity()
        title = self._text(self.mapping.title, "title")
        name = self._text(self.mapping.name, "name") or title
        alert = normalised(
            source,
            name=name,
            status=self._status(),
            identity=identity,
            title=title,
            description=self._text(self.mapping.description, "description"),
            severity=self._severity(),
            resource=self._text(self.mapping.resource, "resource"),
            labels=self._texts(self.mapping.labels, "labels"),
            links=self._texts(self.mapping.links, "links"),
            starts_at=self._time(self.mapping.starts_at, "starts_at"),
            ends_at=self._time(self.mapping.ends_at, "ends_at"),
            # Its identity is said in full, so that labels may change while the problem lasts.
            variant="",
        )
        return Read(alert, identity)

    def _identity(self) -> dict[str, str]:
        told = {
            f"fingerprint.{index}": self._text(one, "fingerprint", index)
            for index, one in enumerate(self.mapping.fingerprint)
        }
        if not any(told.values()):
            raise _wrong((*self.at, "fingerprint"), "nothing here tells this alert from others")
        return {**told, "name": self._text(self.mapping.name, "name")}

    def _status(self) -> AlertStatus:
        word = self._text(self.mapping.status, "status").strip().lower()
        return AlertStatus.RESOLVED if word in self.mapping.resolved else AlertStatus.FIRING

    def _severity(self) -> Severity | None:
        word = self._text(self.mapping.severity, "severity").strip().lower()
        return self.mapping.severities.get(word) or severity_of(word)

    def _texts(self, expressions: Mapping[str, Expression], field: str) -> dict[str, str]:
        texts = {name: self._text(one, field, name) for name, one in expressions.items()}
        return {name: text for name, text in texts.items() if text}

    def _time(self, expression: Expression | None, field: str) -> datetime | None:
        value = self._value(expression, field)
        try:
            return _TIME.validate_python(value)
        except ValidationError:
            reason = "is no time: ISO 8601 or seconds since 1970 are expected"
            raise _wrong((*self.at, field), reason) from None

    def _text(self, expression: Expression | None, *field: str | int) -> str:
        return _plain(self._value(expression, *field))

    def _value(self, expression: Expression | None, *field: str | int) -> Any:
        if expression is None:
            return None
        try:
            return self.asked.value(expression, self.item)
        except NoAnswerError as error:
            raise _wrong((*self.at, *field), str(error)) from None


def _plain(value: Any) -> str:
    """A value as a text: itself, or what JSON writes; 1 and 1.0 are the same."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, datetime | timedelta):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)


def _wrong(place: _Place, reason: str) -> ValidationError:
    # As any other source says it, so that the answer is made in one place.
    error = PydanticCustomError("mapping", "{reason}", {"reason": reason})
    details = InitErrorDetails(type=error, loc=place, input=None)
    return ValidationError.from_exception_data("mapping", [details])
