"""What becomes of an alert that fires while its ticket has ended, or is over at its source."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.ingest.ticket import Said
from shared.lifecycle import TICKET_ENDED, TicketState

#: So long after a verified fix its source may not have noticed it yet.
SETTLING: Final = timedelta(minutes=2)
#: What was judged a false alarm and never ended is judged again after this.
JUDGED_AGAIN: Final = timedelta(hours=24)
#: So many comebacks are remembered.
REMEMBERED: Final = 50


@dataclass(frozen=True)
class ReturnRules:
    """When a ticket is reopened, and when its problem flaps: so many comebacks within that time."""

    reopen_within: timedelta = timedelta(hours=1)
    flapping_times: int = 4
    flapping_within: timedelta = timedelta(minutes=30)


@dataclass(frozen=True)
class Held:
    """A ticket that alerts with its fingerprint belong to, as it stands.

    ``firing`` are the alerts that its source has not ended (see ``ticket.variant``), ``gone``
    whether there are none; ``comebacks`` are the times at which the problem fired again.
    """

    ticket_id: UUID
    state: TicketState
    firing: frozenset[str]
    ended_at: datetime | None
    closed_as_false: bool
    window: str
    comebacks: tuple[datetime, ...]
    flaps_until: datetime | None
    reopenings: int

    @property
    def gone(self) -> bool:
        return not self.firing


class Move(StrEnum):
    """What is done with the ticket: ``leave`` says that the alert has none."""

    COUNT = "count"
    COME_BACK = "come_back"
    REOPEN = "reopen"
    RETIRE = "retire"
    LEAVE = "leave"


@dataclass(frozen=True)
class Comeback:
    """What is done and why; ``flapping`` says how often the problem came back, if too often."""

    move: Move
    because: str = ""
    flapping: str = ""


def comeback(held: Held, said: Said, now: datetime, rules: ReturnRules) -> Comeback:
    """What a firing alert does to a ticket that is not simply open and firing."""
    if held.state not in TICKET_ENDED:
        if not held.gone:
            return Comeback(Move.COUNT)
        return Comeback(Move.COME_BACK, "it fires again", _flapping(held, now, rules))
    if held.window:
        return _suppressed(held, said)
    since = now - (held.ended_at or now)
    return _goes_on(held, said, since) or _by_rules(said) or _ended(held, since, now, rules)


def _suppressed(held: Held, said: Said) -> Comeback:
    if said.ruling.quiet is not None:
        return Comeback(Move.COUNT, f"the maintenance window {held.window} covers it")
    if not said.ruling.opens:
        return Comeback(Move.LEAVE, said.ruling.because)
    return Comeback(Move.REOPEN, f"the maintenance window {held.window} is over, and it fires")


def _goes_on(held: Held, said: Said, since: timedelta) -> Comeback | None:
    """Where it is no comeback: it never ended at its source."""
    if held.closed_as_false and not held.gone and since < JUDGED_AGAIN:
        return Comeback(Move.COUNT, "it was judged a false alarm, and has not ended since")
    never_over = held.firing.issuperset(said.firing)
    if held.state is TicketState.RESOLVED and never_over and since < SETTLING:
        return Comeback(Move.COUNT, "it was just fixed, and its source may not have noticed yet")
    return None


def _by_rules(said: Said) -> Comeback | None:
    """Where the rules of handrail.yaml stand in the way of a comeback."""
    if said.ruling.quiet is not None:
        return Comeback(Move.RETIRE)
    if not said.ruling.opens:
        return Comeback(Move.LEAVE, said.ruling.because)
    return None


def _ended(held: Held, since: timedelta, now: datetime, rules: ReturnRules) -> Comeback:
    if since > rules.reopen_within:
        return Comeback(Move.RETIRE)
    because = f"it fires again {spoken(since)} after its ticket was {held.state.value}"
    return Comeback(Move.REOPEN, because, _flapping(held, now, rules))


def _flapping(held: Held, now: datetime, rules: ReturnRules) -> str:
    """How often it came back, where that is too often or it has not been calm since."""
    recent = [at for at in held.comebacks if now - at < rules.flapping_within]
    times = len(recent) + 1
    still = held.flaps_until is not None and now < held.flaps_until
    if times < rules.flapping_times and not still:
        return ""
    return f"it came back {times} times within {spoken(rules.flapping_within)}"


def spoken(span: timedelta) -> str:
    """A span of time in the largest unit that tells it well enough."""
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
