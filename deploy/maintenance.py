"""Maintenance windows as commands show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.ingest.maintenance.stored import StoredWindow
from services.ingest.maintenance.windows import Window
from shared.events import Alert

_FILE = "handrail.yaml"


@dataclass(frozen=True)
class Known:
    """A window, and what is stored of it where it is not one of handrail.yaml."""

    window: Window
    stored: StoredWindow | None


class View(BaseModel):
    """A window as it is at a time; ``by`` says who made it, or that handrail.yaml has it."""

    model_config = ConfigDict(frozen=True)

    name: str
    id: UUID | None
    by: str
    reason: str
    matchers: tuple[str, ...]
    when: str | None
    all: bool
    rrule: str | None
    timezone: str | None
    active: bool
    over: bool
    until: datetime | None
    next_at: datetime | None
    ended_at: datetime | None
    note: str

    @property
    def alerts(self) -> str:
        """Which alerts it is for."""
        if self.all:
            return "all alerts"
        return " and ".join((*self.matchers, *((self.when,) if self.when else ())))


class Answered(BaseModel):
    """Which window covers an alert at a time, and all that are for such alerts."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    covered_by: View | None
    windows: tuple[View, ...]


def viewed(known: Known, now: datetime) -> View:
    """A window as it is at a time."""
    said, stored = known.window.said, known.stored
    outlook = known.window.outlook(now)
    ended = stored is not None and stored.ended_at is not None
    return View(
        name=said.name,
        id=stored.id if stored else None,
        by=stored.by if stored else _FILE,
        reason=said.reason,
        matchers=said.matchers,
        when=said.when,
        all=said.all,
        rrule=said.rrule,
        timezone=said.timezone,
        active=not ended and outlook.ends is not None,
        over=ended or outlook.over,
        until=None if ended else outlook.ends,
        next_at=None if ended else outlook.next_at,
        ended_at=stored.ended_at if stored else None,
        note=_note(known),
    )


def answered(known: Sequence[Known], alert: Alert, at: datetime) -> Answered:
    """Which of the windows covers an alert at a time: the one that ends last."""
    views = [viewed(one, at) for one in known if one.window.is_for(alert)]
    on = [(view.until, view) for view in views if view.until is not None]
    last = max(on, key=lambda each: each[0], default=None)
    return Answered(
        at=at,
        covered_by=last[1] if last else None,
        windows=tuple(view for view in views if not view.over),
    )


def _note(known: Known) -> str:
    if known.stored is not None and known.stored.ended_by is not None:
        return f"ended by {known.stored.ended_by}"
    return "it begins again before it ends" if known.window.schedule.overlaps() else ""
