"""What is sent to an ingest that dies: what it has answered before, and the request it dies in."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.ingest.payloads import body, fired, over

HOOK = "/webhooks/alertmanager"
#: Ends all tickets, as a service behind would; only the driver answers this.
END = "/end-tickets"
AUTH = {"Authorization": "Bearer sesame"}
CONFIG = """\
sources:
  alertmanager: {bearer: {env: CRASH_TOKEN}}
  people: {kind: api, bearer: {env: CRASH_TOKEN}}
"""


@dataclass(frozen=True)
class Sent:
    """One request, and how many alerts are in it that fire, or are over."""

    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: AUTH)
    fired: int = 0
    over: int = 0

    @property
    def alerts(self) -> int:
        return self.fired + self.over


@dataclass(frozen=True)
class Scenario:
    """The last request is the one that is served as the process dies.

    ``tickets`` is how many there are in the end, and ``changes`` what the last one tells of them.
    """

    before: tuple[Sent, ...]
    last: Sent
    tickets: int = 1
    changes: frozenset[str] = frozenset()


def _hook(*alerts: dict) -> Sent:
    fires = sum(alert["status"] == "firing" for alert in alerts)
    return Sent(HOOK, body(*alerts), fired=fires, over=len(alerts) - fires)


def _first(name: str) -> Scenario:
    return Scenario((), _hook(fired(instance=name)))


def _repeated(name: str) -> Scenario:
    again = _hook(fired(instance=name))
    return Scenario((again,), again, changes=frozenset({"repeated"}))


def _resolved(name: str) -> Scenario:
    end = _hook(over(instance=name))
    return Scenario((_hook(fired(instance=name)),), end, changes=frozenset({"resolved_at_source"}))


def _comeback(name: str) -> Scenario:
    before = _hook(fired(instance=name)), _hook(over(instance=name)), Sent(END, name.encode())
    return Scenario(before, _hook(fired(instance=name)))


def _group(name: str) -> Scenario:
    known = fired(instance=name, part="known")
    group = (
        over(instance=name, part="known"),
        *(fired(f"New{number}", instance=name) for number in range(4)),
        fired("New0", instance=name, severity="warning"),
    )
    changes = frozenset({"resolved_at_source"})
    return Scenario((_hook(known),), _hook(*group), tickets=5, changes=changes)


def _by_hand(name: str) -> Scenario:
    ticket = {"title": f"{name} is full", "labels": {"instance": name}}
    headers = {**AUTH, "Idempotency-Key": name, "Content-Type": "application/json"}
    return Scenario((), Sent("/tickets", json.dumps(ticket).encode(), headers, fired=1))


#: By their names; each is made for an instance of its own.
SCENARIOS: dict[str, Callable[[str], Scenario]] = {
    "first": _first,
    "repeated": _repeated,
    "resolved": _resolved,
    "comeback": _comeback,
    "group": _group,
    "by_hand": _by_hand,
}
