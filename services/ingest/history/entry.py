"""One accepted alert as it is kept, and what was decided about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.ingest.ruling import Ruling
from services.ingest.ticket import Decision, Recorded
from shared.events import Alert, AlertStatus


@dataclass(frozen=True)
class Entry:
    """An alert, when it was accepted, what was decided and because of what, and its ticket.

    There is no ticket for one that may not open any, and for one that told of the end of a problem
    that no open ticket is about.
    """

    alert: Alert
    at: datetime
    decision: Decision
    because: str
    ticket_id: UUID | None


def entries(
    rulings: Iterable[Ruling], recorded: Mapping[str, Recorded], at: datetime
) -> tuple[Entry, ...]:
    """Each alert of a notification, also those that say the same, with what became of it."""
    return tuple(_entry(ruling, recorded.get(ruling.alert.fingerprint), at) for ruling in rulings)


def _entry(ruling: Ruling, recorded: Recorded | None, at: datetime) -> Entry:
    decision, because = _decided(ruling, recorded)
    ticket_id = recorded.ticket_id if recorded is not None else None
    return Entry(ruling.alert, at, decision, because, ticket_id)


def _decided(ruling: Ruling, recorded: Recorded | None) -> tuple[Decision, str]:
    firing = ruling.alert.status is AlertStatus.FIRING
    if recorded is None:
        if firing:
            return Decision.NOT_OPENED, ruling.because
        return Decision.NO_TICKET, "no open ticket is about it"
    because = recorded.because or ruling.because
    if firing:
        if recorded.grouped_because:
            because = f"{because}; {recorded.grouped_because}".removeprefix("; ")
        return recorded.decision, because
    if recorded.decision in {Decision.NO_TICKET, Decision.SUPPRESSED}:
        return recorded.decision, recorded.because
    if recorded.gone:
        return Decision.RESOLVED, "all of its alerts are over"
    return Decision.ENDED, "others of its alerts still fire"
