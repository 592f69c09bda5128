"""Alerts of another time, read for the history: nothing acts on them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import pydantic_core
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from services.ingest.api import parsed, place
from services.ingest.cut import TITLE_MOST, cut, fitting
from services.ingest.history.columns import Row
from services.ingest.history.pieces import Piece
from services.ingest.refusal import Refusal
from services.ingest.ticket import variant
from services.ingest.webhook import Parse, Webhook
from shared.complaints import complaint
from shared.errors import HandrailError
from shared.events import Alert, AlertStatus

# The clock of whoever wrote the file may be ahead by so much.
_AHEAD: Final = timedelta(minutes=5)
# A time outside of these years is a mistake, and may not exist in another time zone.
_YEARS: Final = range(1970, 9999)
_FIRST_LINE: Final = re.compile(" at line 1 column ")
_OBJECT_ID: Final = re.compile("[0-9a-f]{24}")


class NotAnAlertError(HandrailError):
    """A value of a file is no alert that the history can keep; says what to change."""


@dataclass(frozen=True)
class Imported:
    """An alert, and when it happened; the ``id`` is the same however often it is read.

    It is an ObjectId (24 digits) where a history had it before, or a UUID.
    """

    id: str
    alert: Alert
    at: datetime
    because: str


#: What one value of a file has.
Reading = Callable[[Piece], tuple[Imported, ...]]


class _Bare(Alert):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime | None = None


class _Listed(BaseModel):
    """As ``handrail alert list --json`` prints it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = ""
    at: AwareDatetime
    alert: Alert


def of_webhooks(source: str, parse: Parse, because: str) -> Reading:
    """Reads bodies of webhooks of a source."""

    def read(piece: Piece) -> tuple[Imported, ...]:
        try:
            alerts = parsed(parse, Webhook(source, piece.json))
        except Refusal as refusal:
            raise NotAnAlertError(str(refusal)) from None
        return tuple(_happened(alert, None, because) for alert in alerts)

    return read


def of_alerts(because: str) -> Reading:
    """Reads alerts as Handrail writes them, alone or as they are listed."""

    def read(piece: Piece) -> tuple[Imported, ...]:
        try:
            value = pydantic_core.from_json(piece.json, allow_inf_nan=False)
            return (_written(value, because),)
        except ValidationError as error:
            raise _wrong(error) from None
        except ValueError as error:
            where = _FIRST_LINE.sub(" in column ", str(error))
            raise NotAnAlertError(f"this is no JSON: {where}") from None

    return read


def of_rows(source: str | None, because: str) -> Reading:
    """Reads rows of a table; ``source`` is for those that name none."""

    def read(piece: Piece) -> tuple[Imported, ...]:
        try:
            row = Row.model_validate(piece.cells)
            alert = row.alert(source)
        except ValidationError as error:
            raise _wrong(error) from None
        except ValueError as error:
            raise NotAnAlertError(str(error)) from None
        return (_happened(alert, row.at, because),)

    return read


def by_now(reading: Reading, now: datetime) -> Reading:
    """Reads the same, and takes nothing that is yet to happen."""

    def read(piece: Piece) -> tuple[Imported, ...]:
        found = reading(piece)
        for one in found:
            if one.at > now + _AHEAD:
                raise NotAnAlertError(
                    f"it happened in the future, at {one.at:%Y-%m-%dT%H:%M:%SZ}, and now is "
                    f"{now:%Y-%m-%dT%H:%M:%SZ}: correct its time or time zone"
                )
        return found

    return read


def _written(value: Any, because: str) -> Imported:
    if not isinstance(value, dict):
        raise NotAnAlertError("an alert is an object, and this is none")
    if "alert" in value:
        listed = _Listed.model_validate(value)
        # It was accepted at that time; what the alert itself says may be much older.
        return _imported(listed.alert, listed.at, because, _known_id(listed.id))
    bare = _Bare.model_validate(value)
    alert = Alert.model_validate(bare.model_dump(exclude={"at"}))
    return _happened(alert, bare.at, because)


def _wrong(error: ValidationError) -> NotAnAlertError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = f"{place(first['loc'])}: " if first["loc"] else ""
    return NotAnAlertError(where + complaint(first))


def _happened(alert: Alert, otherwise: datetime | None, because: str) -> Imported:
    resolved = alert.status is AlertStatus.RESOLVED
    at = (alert.ends_at if resolved else None) or alert.starts_at or otherwise
    if at is None:
        raise NotAnAlertError(
            "it does not say when it happened: starts_at, ends_at or at is needed"
        )
    return _imported(alert, at, because, None)


def _imported(alert: Alert, at: datetime, because: str, id_: str | None) -> Imported:
    if at.year not in _YEARS:
        raise NotAnAlertError(f"it cannot have happened in the year {at.year}")
    if not alert.source or not alert.fingerprint:
        raise NotAnAlertError("source and fingerprint must not be empty")
    # As exactly as MongoDB keeps it.
    exact = at.astimezone(UTC)
    exact = exact.replace(microsecond=exact.microsecond // 1000 * 1000)
    return Imported(id_ or _new_id(alert, exact), _fit(alert), exact, because)


def _known_id(written: str) -> str | None:
    if _OBJECT_ID.fullmatch(written):
        return written
    try:
        return str(UUID(written))
    except ValueError:
        return None


def _new_id(alert: Alert, at: datetime) -> str:
    said = [alert.source, alert.fingerprint, variant(alert), alert.status, at.isoformat()]
    return str(uuid5(NAMESPACE_URL, f"handrail:alert:{json.dumps(said)}"))


def _fit(alert: Alert) -> Alert:
    """The alert with no more than the history keeps of any."""
    short = {name: cut(getattr(alert, name), TITLE_MOST) for name in ("name", "title", "resource")}
    named = {name: fitting(getattr(alert, name)) for name in ("labels", "annotations", "links")}
    return alert.model_copy(update={**short, **named, "description": cut(alert.description)})
