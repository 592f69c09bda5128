"""A window that somebody made while Handrail runs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.config.maintenance import MaintenanceWindow
from shared.errors import HandrailError


@dataclass(frozen=True)
class StoredWindow:
    """Such a window; it comes once. ``by`` and ``ended_by`` are logins of the system."""

    id: UUID
    said: MaintenanceWindow
    by: str
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


class NameTakenError(HandrailError):
    """There is a window with this name that is not over."""


class NoSuchWindowError(HandrailError):
    """No window that is not over has this name or id, or several ids begin so."""
