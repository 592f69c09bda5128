"""What an alert does to tickets: opens one, repeats one, or tells that its problem is gone."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.ingest.ruling import Membership, Quiet, Ruling
from shared.events import Alert, AlertStatus
from shared.lifecycle import TicketState


class Decision(StrEnum):
    """What became of an alert.

    ``ended`` is an alert that is over while others on its problem still fire; ``resolved`` is the
    last of them. ``no_ticket`` is the end of a problem that no open ticket is about.
    """

    OPENED = "opened"
    REOPENED = "reopened"
    REPEATED = "repeated"
    SUPPRESSED = "suppressed"
    ENDED = "ended"
    RESOLVED = "resolved"
    NOT_OPENED = "not_opened"
    NO_TICKET = "no_ticket"
    IMPORTED = "imported"


@dataclass(frozen=True)
class Said:
    """What the notifications of one moment said of one problem.

    A problem may be reported by several alerts, such as a warning and a critical one, or the same
    one from two Prometheus servers: it is gone when all of them are. ``firing`` and ``over`` name
    those (see ``variant``) that were told of, ``fired`` counts the firing ones, and ``ruling`` is
    that of the one that tells most: the worst that fires, else the last that is over.
    """

    ruling: Ruling
    fired: int
    firing: tuple[str, ...]
    over: tuple[str, ...]

    @property
    def alert(self) -> Alert:
        """The alert that tells most."""
        return self.ruling.alert

    @property
    def ended_at(self) -> datetime | None:
        """When the problem was over, if its source told so."""
        return self.alert.ends_at if self.alert.status is AlertStatus.RESOLVED else None


@dataclass(frozen=True)
class Recorded:
    """What the store made of it.

    ``count`` is the number of firing alerts so far. ``state`` is the ticket's state after the
    write, and ``gone`` says whether, by all that its source has said so far, the problem is gone.
    ``reopenings`` is how often the ticket was reopened, at last for ``reopened_because``;
    ``flapping`` says how often its problem came back, where that is too often, and ``flaps_newly``
    whether that was found out just now. ``quiet`` is the maintenance window that it was opened in,
    if it was opened just now. ``announced`` says that it is noted that the stream has its opening.
    """

    ticket_id: UUID
    alert: Alert
    decision: Decision
    state: TicketState
    count: int
    gone: bool
    created_at: datetime
    because: str = ""
    reopenings: int = 0
    reopened_because: str = ""
    flapping: str = ""
    flaps_newly: bool = False
    quiet: Quiet | None = None
    groups: tuple[Membership, ...] = ()
    parent_id: UUID | None = None
    grouped_because: str = ""
    announced: bool = False

    @property
    def opened(self) -> bool:
        """Whether this opened the ticket."""
        return self.decision is Decision.OPENED


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


def collapsed(rulings: Iterable[Ruling]) -> tuple[Said, ...]:
    """Alerts with each problem once, in the order of their first mention."""
    problems: dict[str, list[Ruling]] = {}
    for ruling in rulings:
        problems.setdefault(ruling.alert.fingerprint, []).append(ruling)
    return tuple(_said(about_one) for about_one in problems.values())


def _said(rulings: list[Ruling]) -> Said:
    # Of the same alert twice, the later one tells what holds now.
    last = {variant(ruling.alert): ruling for ruling in rulings}
    firing = {key: one for key, one in last.items() if one.alert.status is AlertStatus.FIRING}
    fired = [ruling for ruling in rulings if ruling.alert.status is AlertStatus.FIRING]
    if firing:
        tells = min(firing.values(), key=_badness)
    elif fired:
        # It began and ended: what may become of it is what the rules say of its beginning.
        tells = replace(min(fired, key=_badness), alert=rulings[-1].alert)
    else:
        tells = rulings[-1]
    return Said(
        ruling=tells,
        fired=len(fired),
        firing=tuple(firing),
        over=tuple(key for key in last if key not in firing),
    )


def _badness(ruling: Ruling) -> tuple[bool, bool, str]:
    """Smaller is worse; what may open a ticket comes first, and what is in no window."""
    severity = ruling.alert.severity.value if ruling.alert.severity else "unsaid"
    return not ruling.opens, ruling.quiet is not None, severity


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()
