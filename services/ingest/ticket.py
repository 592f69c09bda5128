"""What an alert does to tickets: opens one, repeats one, or tells that its problem is gone."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.events import Alert, AlertStatus, Change, TicketCreated, TicketUpdated
from shared.events.envelope import derived_id
from shared.lifecycle import TicketState


@dataclass(frozen=True)
class Recorded:
    """What the store made of one alert.

    ``count`` is the number of firing notifications so far. ``state`` is the ticket's state after
    the write, ``opened`` whether this alert opened it.
    """

    ticket_id: UUID
    alert: Alert
    opened: bool
    state: TicketState
    count: int
    created_at: datetime


def fingerprint(source: str, name: str, labels: Mapping[str, str]) -> str:
    """The identity of a problem: SHA-256 over source, alert name and labels, first 32 digits.

    ``labels`` are those that tell one instance from another; their order does not matter.
    """
    said = json.dumps([source, name, sorted(labels.items())], separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def collapsed(alerts: tuple[Alert, ...]) -> tuple[tuple[Alert, int], ...]:
    """One notification's alerts with each problem once: its last alert, and how often it fired.

    A later alert on the same problem tells what holds now.
    """
    last: dict[str, Alert] = {}
    fired: dict[str, int] = {}
    for alert in alerts:
        last[alert.fingerprint] = alert
        fired[alert.fingerprint] = fired.get(alert.fingerprint, 0) + (
            alert.status is AlertStatus.FIRING
        )
    return tuple((alert, fired[key]) for key, alert in last.items())


def created(ticket_id: UUID, alert: Alert, at: datetime) -> TicketCreated:
    """The event of a ticket's opening; the same however often it is made."""
    return TicketCreated(
        id=derived_id(ticket_id, TicketCreated.subject),
        time=at,
        ticket_id=ticket_id,
        alert=alert,
    )


def told(recorded: Recorded, at: datetime) -> tuple[TicketCreated | TicketUpdated, ...]:
    """The events of one recorded alert.

    A ticket that nobody has judged yet is announced again with every notification: the process that
    opened it may have died before it could, and the stream drops what it knows.
    """
    events: list[TicketCreated | TicketUpdated] = []
    if recorded.opened or recorded.state is TicketState.NEW:
        events.append(created(recorded.ticket_id, recorded.alert, recorded.created_at))
    if not recorded.opened or recorded.alert.status is AlertStatus.RESOLVED:
        events.append(_updated(recorded, at))
    return tuple(events)


def _updated(recorded: Recorded, at: datetime) -> TicketUpdated:
    resolved = recorded.alert.status is AlertStatus.RESOLVED
    change = Change.RESOLVED_AT_SOURCE if resolved else Change.REPEATED
    return TicketUpdated(
        id=derived_id(recorded.ticket_id, TicketUpdated.subject, f"{change}/{at.isoformat()}"),
        time=at,
        ticket_id=recorded.ticket_id,
        change=change,
        count=recorded.count,
        alert=recorded.alert,
    )
