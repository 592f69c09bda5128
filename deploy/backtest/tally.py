"""Counts what alerts led to: in all, by runbook, and by the names of alerts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.backtest.outcome import MATCHED, Fate, Outcome, Result
from deploy.backtest.world import Moment, World
from services.ingest.ticket import Decision
from shared.events import Alert

# Reasons name hosts and values: of more different ones than these, the rest count together.
_REASONS_KEPT: Final = 2_000
_REASONS_SHOWN: Final = 10
_OTHERS: Final = "other reasons"
#: Results whose reasons people look for.
_REASONED: Final = (
    Result.NOTHING_FITS,
    Result.UNDECIDED,
    Result.UNFILLED,
    Result.DENIED,
    Result.SUGGESTED,
    Result.OBSERVED,
    Result.CLOSED_AS_FALSE,
)


@dataclass
class _Reason:
    count: int
    example: Alert


@dataclass
class Lot:
    """What a number of alerts led to."""

    alerts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)

    def decided(self, decision: Decision) -> None:
        self.alerts[decision.value] += 1

    def add(self, outcome: Outcome) -> None:
        self.outcomes[outcome.result.value] += 1
        if outcome.result in MATCHED:
            self.outcomes["matched"] += 1
        self.steps.update(step.risk.value for step in outcome.steps)

    def facts(self) -> dict[str, Any]:
        return {
            "alerts": _sorted(self.alerts),
            "outcomes": _sorted(self.outcomes),
            "steps": _sorted(self.steps),
        }


class Tally:
    """What one version made of the alerts so far."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._all = Lot()
        self._runbooks: dict[str, Lot] = {}
        self._names: dict[str, Lot] = {}
        self._correlation: Counter[str] = Counter()
        self._policy: Counter[str] = Counter()
        self._reasons: dict[Result, dict[str, _Reason]] = {}

    def add(self, moment: Moment) -> None:
        """Count what a moment brought."""
        for fate in moment.fates:
            self._decided(fate)
            if fate.outcome is not None:
                self._came_to(fate.outcome)
        for outcome in moment.others:
            self._came_to(outcome)

    def _decided(self, fate: Fate) -> None:
        if fate.decision is None:
            return
        self._all.decided(fate.decision)
        self._name(fate.alert).decided(fate.decision)

    def _came_to(self, outcome: Outcome) -> None:
        for lot in (self._all, self._name(outcome.alert)):
            lot.add(outcome)
        if outcome.runbook:
            self._runbooks.setdefault(outcome.runbook, Lot()).add(outcome)
        self._policy.update(step.rule for step in outcome.steps)
        if outcome.rule:
            self._correlation[outcome.rule] += 1
        if outcome.result in _REASONED:
            self._reasoned(outcome)

    def _name(self, alert: Alert) -> Lot:
        return self._names.setdefault(alert.name, Lot())

    def _reasoned(self, outcome: Outcome) -> None:
        known = self._reasons.setdefault(outcome.result, {})
        because = outcome.because
        if because not in known and len(known) >= _REASONS_KEPT:
            because = _OTHERS
        known.setdefault(because, _Reason(0, outcome.alert)).count += 1

    def facts(self) -> dict[str, Any]:
        """All counts, for programs; the same for the same alerts and the same version."""
        behind, counted = self._world.behind, self._world.counted
        tickets = _sorted({**behind.counts, "flapping": self._world.tickets.flapped})
        return {
            **self._all.facts(),
            "tickets": {**tickets, "open_at_the_end": self._world.book.open_now()},
            "runbooks": {name: lot.facts() for name, lot in sorted(self._runbooks.items())},
            "names": {name: lot.facts() for name, lot in sorted(self._names.items())},
            "rules": {
                "identity": _sorted(counted.identity.counts),
                "triggers": _sorted(counted.triggers.counts),
                "maintenance": _sorted(counted.suppressed_by),
                "correlation": _sorted(self._correlation),
                "policy": _sorted(self._policy),
            },
            "reasons": {
                result.value: _most(self._reasons[result])
                for result in _REASONED
                if result in self._reasons
            },
        }


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}


def _most(reasons: Mapping[str, _Reason]) -> list[dict[str, Any]]:
    """Those that are met most, the first one met of each as an example."""
    ordered = sorted(reasons.items(), key=lambda each: (-each[1].count, each[0]))
    return [
        {
            "reason": text,
            "count": reason.count,
            "example": {"fingerprint": reason.example.fingerprint, "title": reason.example.title},
        }
        for text, reason in ordered[:_REASONS_SHOWN]
    ]
