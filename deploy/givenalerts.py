"""Alerts that a command is given in a file, in any form that alerts are kept in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from deploy.alertfiles import AlertFile
from services.ingest.api import parsed
from services.ingest.history.pieces import Mistake
from services.ingest.refusal import Refusal
from services.ingest.sources import alertmanager
from services.ingest.webhook import Webhook
from shared.complaints import complaint
from shared.errors import HandrailError
from shared.events import Alert

_FORMS: Final = (
    "an alert is written as `handrail alert list --json` prints it, or as an Alertmanager posts it"
)


class NoAlertError(HandrailError):
    """A file has no alert that can be read."""


def alerts_in(file: Path) -> tuple[Alert, ...]:
    """The alerts in a file: JSON, JSON Lines, CSV, or what an Alertmanager posts.

    Raises:
        NoAlertError: there are none, or one is wrong, and why.
    """
    try:
        body = file.read_bytes()
    except OSError as error:
        raise NoAlertError(f"{file}: cannot be read: {error.strerror}") from error
    try:
        data = json.loads(body)
    except ValueError:
        found = tuple(_by_lines(file))
    else:
        found = _of_json(file, body, data)
    if not found:
        raise NoAlertError(f"{file}: there is no alert in it; {_FORMS}")
    return found


def _by_lines(file: Path) -> Iterator[Alert]:
    """What is no JSON as a whole may be JSON Lines, or CSV."""
    old = AlertFile(str(file), None, None)
    with old.opened() as stream:
        for one in old.read(stream):
            if isinstance(one, Mistake):
                raise NoAlertError(f"{file}:{one.line}: {one.reason}; {_FORMS}")
            yield from (imported.alert for imported in one)


def _of_json(file: Path, body: bytes, data: Any) -> tuple[Alert, ...]:
    if isinstance(data, dict) and "alerts" in data:
        try:
            return parsed(alertmanager.parse, Webhook("alertmanager", body, {}))
        except Refusal as refusal:
            raise NoAlertError(f"{file}: {refusal}") from refusal
    listed = data if isinstance(data, list) else [data]
    return tuple(_alert(file, at, each) for at, each in enumerate(listed, 1))


def _alert(file: Path, at: int, data: Any) -> Alert:
    said = data.get("alert", data) if isinstance(data, dict) else data
    try:
        return Alert.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where or 'all of it'}: {complaint(first)}"
        raise NoAlertError(f"{file}: alert {at}: {reason}; {_FORMS}") from error
