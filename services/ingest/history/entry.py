"""One accepted alert as it is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.ticket import Recorded
from shared.events import Alert


@dataclass(frozen=True)
class Entry:
    """An alert, when it was accepted, and the ticket that it was about.

    There is none for one that told of the end of a problem that no open ticket is about.
    """

    alert: Alert
    at: datetime
    ticket_id: UUID | None


def entries(
    alerts: Iterable[Alert], recorded: Sequence[Recorded], at: datetime
) -> tuple[Entry, ...]:
    """Each alert of a notification, also those that say the same, with its ticket."""
    tickets = {one.alert.fingerprint: one.ticket_id for one in recorded}
    return tuple(Entry(alert, at, tickets.get(alert.fingerprint)) for alert in alerts)
