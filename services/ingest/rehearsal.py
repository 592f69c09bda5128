"""What alerts would do to tickets, and why they would or would not be one ticket."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final

from services.ingest.cut import cut
from services.ingest.ticket import variant
from services.ingest.triggers import Triggers
from shared.events import Alert, AlertStatus

_DIFFERENCES_TOLD: Final = 3
_VALUE_MOST: Final = 60
# What is alike stands close together, and a file may have thousands.
_COMPARED: Final = 100
_NOTHING_OPEN: Final = "nothing that is open has its fingerprint"


class Would(StrEnum):
    """What an alert does to tickets; ``ignore`` where it changes nothing that is open."""

    OPEN = "open"
    REPEAT = "repeat"
    REOPEN = "reopen"
    RESOLVE = "resolve"
    IGNORE = "ignore"


@dataclass(frozen=True)
class Told:
    """An alert, where it was told (for people), and by what it is told from others.

    ``ruled`` says why its fingerprint is what it is, where a rule of its source was asked.
    """

    where: str
    alert: Alert
    identity: Mapping[str, str]
    ruled: str = ""


@dataclass(frozen=True)
class Standing:
    """An open ticket, as people call it, and which of its alerts fire (see ``variant``)."""

    name: str
    fingerprint: str
    firing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What one alert would do, and why."""

    told: Told
    would: Would
    because: str


@dataclass
class _Ticket:
    name: str
    firing: set[str]


@dataclass
class Rehearsal:
    """Hears alerts one after the other, as if they came within minutes.

    A ticket whose problem is gone counts as ended.
    """

    _triggers: Triggers = field(default_factory=Triggers)
    _open: dict[str, _Ticket] = field(default_factory=dict)
    _heard: dict[str, Told] = field(default_factory=dict)
    _ended: dict[str, _Ticket] = field(default_factory=dict)

    @classmethod
    def upon(cls, standing: Iterable[Standing], triggers: Triggers | None = None) -> "Rehearsal":
        """One that begins with these tickets; the triggers say what opens others."""
        tickets = {one.fingerprint: _Ticket(one.name, set(one.firing)) for one in standing}
        return cls(triggers or Triggers(), tickets)

    def hear(self, told: Told) -> Outcome:
        """What the next alert would do."""
        firing = told.alert.status is AlertStatus.FIRING
        would, because = self._fires(told) if firing else self._is_over(told)
        self._heard.setdefault(told.alert.fingerprint, told)
        return Outcome(told, would, f"{because} ({told.ruled})" if told.ruled else because)

    def _fires(self, told: Told) -> tuple[Would, str]:
        ticket = self._open.get(told.alert.fingerprint)
        if ticket is not None:
            ticket.firing.add(variant(told.alert))
            return Would.REPEAT, f"the same fingerprint as {ticket.name}"
        verdict = self._triggers.decided(told.alert)
        if not verdict.opens:
            return Would.IGNORE, verdict.because
        ended = self._ended.pop(told.alert.fingerprint, None)
        if ended is not None:
            self._open[told.alert.fingerprint] = _Ticket(ended.name, {variant(told.alert)})
            return Would.REOPEN, f"it fires again soon after the end of {ended.name}"
        self._open[told.alert.fingerprint] = _Ticket(told.where, {variant(told.alert)})
        new = self._apart(told) or _NOTHING_OPEN
        return Would.OPEN, "; ".join(filter(None, (new, verdict.because)))

    def _is_over(self, told: Told) -> tuple[Would, str]:
        ticket = self._open.get(told.alert.fingerprint)
        if ticket is None:
            return Would.IGNORE, self._apart(told) or _NOTHING_OPEN
        ticket.firing.discard(variant(told.alert))
        if ticket.firing:
            return Would.IGNORE, f"another alert on the problem of {ticket.name} still fires"
        self._ended[told.alert.fingerprint] = self._open.pop(told.alert.fingerprint)
        return Would.RESOLVE, f"the same fingerprint as {ticket.name}"

    def _apart(self, told: Told) -> str:
        """By what it differs from the alert before it that is most like it; empty without one."""
        if told.alert.fingerprint in self._heard or not self._heard:
            return ""
        latest = islice(reversed(self._heard.values()), _COMPARED)
        apart = {one.where: _differences(told, one) for one in latest}
        where = min(apart, key=lambda one: len(apart[one]))
        said = "; ".join(apart[where][:_DIFFERENCES_TOLD]) or "it is another one for its source"
        return f"not the problem of {where}: {said}"


def _differences(told: Told, other: Told) -> tuple[str, ...]:
    mine, theirs = told.identity, other.identity
    return tuple(
        f"{name} is {_short(mine.get(name))}, there {_short(theirs.get(name))}"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    )


def _short(value: str | None) -> str:
    return repr(cut(value, _VALUE_MOST)) if value else "nothing"
