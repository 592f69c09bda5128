"""One alert as a row of a table."""

from collections.abc import Collection, Mapping
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.ingest.normal import normalised, severity_of
from services.ingest.wire import LooseTime
from shared.events import Alert, AlertStatus

_LABEL: Final = "label."
_ANNOTATION: Final = "annotation."
_COLUMNS: Final = (
    *("name", "status", "severity", "title", "description", "resource", "source"),
    *("starts_at", "ends_at", "at", "fingerprint", "label.NAME", "annotation.NAME"),
)


def wrong_header(names: Collection[str]) -> str:
    """What to change of the columns of a table; empty where nothing is."""
    unknown = [
        name
        for name in names
        if name not in _COLUMNS and not name.startswith((_LABEL, _ANNOTATION))
    ]
    if unknown:
        return f"there is no column {unknown[0]!r}; there are {', '.join(_COLUMNS)}"
    missing = [name for name in ("name", "status") if name not in names]
    return f"the column {missing[0]!r} is missing" if missing else ""


class Row(BaseModel):
    """The cells of a row by their columns, of which only ``name`` and ``status`` must be there.

    Times are ISO 8601, in UTC where they name no zone, or seconds since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    status: AlertStatus
    severity: str = ""
    title: str = ""
    description: str = ""
    resource: str = ""
    source: str = ""
    starts_at: LooseTime = None
    ends_at: LooseTime = None
    at: LooseTime = None
    fingerprint: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, cells: Mapping[str, str]) -> dict[str, Any]:
        row: dict[str, Any] = {
            name: text for name, text in cells.items() if not name.startswith((_LABEL, _ANNOTATION))
        }
        row["labels"], row["annotations"] = _named(cells, _LABEL), _named(cells, _ANNOTATION)
        return {**row, "status": row.get("status", "").lower()}

    @model_validator(mode="after")
    def _times(self) -> Self:
        if self.starts_at and self.ends_at and self.ends_at < self.starts_at:
            raise ValueError("it ends before it starts")
        return self

    def alert(self, source: str | None) -> Alert:
        """The alert; without a fingerprint, name, resource and labels tell it from others.

        Raises:
            ValueError: it is of no source.
        """
        if not (self.source or source):
            raise ValueError("source: there is no such cell, and no --source")
        alert = normalised(
            self.source or source or "",
            name=self.name,
            status=self.status,
            identity={**self.labels, "resource": self.resource},
            title=self.title,
            description=self.description,
            severity=severity_of(self.severity),
            resource=self.resource,
            labels=self.labels,
            annotations=self.annotations,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )
        return alert.model_copy(update={"fingerprint": self.fingerprint or alert.fingerprint})


def _named(cells: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): text
        for name, text in cells.items()
        if name.startswith(prefix) and text
    }
