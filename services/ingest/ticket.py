"""What an alert does to tickets: opens one, repeats one, or tells that its problem is gone."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.events import Alert, AlertStatus, Change, TicketCreated, TicketUpdated
from shared.events.envelope import derived_id
from shared.lifecycle import TicketState


@dataclass(frozen=True)
class Said:
    """What one notification said of one problem.

    A problem may be reported by several alerts, such as a warning and a critical one, or the same
    one from two Prometheus servers: it is gone when all of them are. ``firing`` and ``over`` name
    those (see ``variant``) that this notification was about, ``fired`` counts the firing ones, and
    ``alert`` is the one that tells most: the worst that fires, else the last that is over.
    """

    alert: Alert
    fired: int
    firing: tuple[str, ...]
    over: tuple[str, ...]

    @property
    def ended_at(self) -> datetime | None:
        """When the problem was over, if this notification told so."""
        return self.alert.ends_at if self.alert.status is AlertStatus.RESOLVED else None


@dataclass(frozen=True)
class Recorded:
    """What the store made of it.

    ``count`` is the number of firing alerts so far. ``state`` is the ticket's state after the
    write, ``opened`` whether this alert opened it, and ``gone`` whether, by all that its source has
    said so far, the problem is gone.
    """

    ticket_id: UUID
    alert: Alert
    opened: bool
    state: TicketState
    count: int
    gone: bool
    created_at: datetime


def fingerprint(source: str, name: str, labels: Mapping[str, str]) -> str:
    """The identity of a problem: SHA-256 over source, alert name and labels, first 32 digits.

    ``labels`` are those that tell one instance from another; their order does not matter.
    """
    return _digest([source, name, sorted(labels.items())])[:32]


def variant(alert: Alert) -> str:
    """Which of the alerts on its problem this one is: as its source tells, or by all its labels."""
    if alert.variant is not None:
        return alert.variant
    return _digest(sorted(alert.labels.items()))[:16]


def collapsed(alerts: Iterable[Alert]) -> tuple[Said, ...]:
    """One notification's alerts with each problem once, in the order of their first mention."""
    problems: dict[str, list[Alert]] = {}
    for alert in alerts:
        problems.setdefault(alert.fingerprint, []).append(alert)
    return tuple(_said(about_one) for about_one in problems.values())


def _said(alerts: list[Alert]) -> Said:
    # Of the same alert twice, the later one tells what holds now.
    last = {variant(alert): alert for alert in alerts}
    firing = {key: alert for key, alert in last.items() if alert.status is AlertStatus.FIRING}
    return Said(
        alert=min(firing.values(), key=_badness) if firing else alerts[-1],
        fired=sum(alert.status is AlertStatus.FIRING for alert in alerts),
        firing=tuple(firing),
        over=tuple(key for key in last if key not in firing),
    )


def created(ticket_id: UUID, alert: Alert, at: datetime) -> TicketCreated:
    """The event of a ticket's opening; its id is the same however often it is made."""
    return TicketCreated(
        id=derived_id(ticket_id, TicketCreated.subject),
        time=at,
        ticket_id=ticket_id,
        alert=alert,
    )


def events_of(
    recorded: Recorded, at: datetime, *, new_id: Callable[[], UUID]
) -> tuple[TicketCreated | TicketUpdated, ...]:
    """What a recorded alert tells the rest of the system.

    A ticket that nobody has judged yet is announced again with every notification: the process that
    opened it may have died before it could, and the stream drops what it knows. A notification has
    no name of its own, so that one which is sent again is another update.
    """
    events: list[TicketCreated | TicketUpdated] = []
    if recorded.opened or recorded.state is TicketState.NEW:
        events.append(created(recorded.ticket_id, recorded.alert, recorded.created_at))
    if recorded.gone:
        events.append(_updated(recorded, Change.RESOLVED_AT_SOURCE, at, new_id()))
    elif not recorded.opened and recorded.alert.status is AlertStatus.FIRING:
        events.append(_updated(recorded, Change.REPEATED, at, new_id()))
    return tuple(events)


def _updated(recorded: Recorded, change: Change, at: datetime, id_: UUID) -> TicketUpdated:
    return TicketUpdated(
        id=id_,
        time=at,
        ticket_id=recorded.ticket_id,
        change=change,
        count=recorded.count,
        alert=recorded.alert,
    )


def _badness(alert: Alert) -> str:
    """Smaller is worse; an alert that does not say comes last."""
    return alert.severity.value if alert.severity else "unsaid"


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()
