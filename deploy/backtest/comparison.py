"""What another version makes of the same alerts otherwise, the dangerous first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from deploy.backtest.outcome import ESCALATED, PLANNED, Fate, Result
from deploy.backtest.world import Moment, fates_of
from services.ingest.ticket import Decision


class Change(StrEnum):
    """How an alert fares now and did not before; what may do harm comes first."""

    RUNS_NOW = "runs_now"
    RUNS_OTHERWISE = "runs_otherwise"
    ASKS_FEWER_NOW = "asks_fewer_now"
    DENIED_NO_MORE = "denied_no_more"
    TOLD_ONLY_NO_MORE = "told_only_no_more"
    OTHER_PLAN_NOW = "other_plan_now"
    MATCHED_NOW = "matched_now"
    MATCHED_NO_MORE = "matched_no_more"
    UNDECIDED_NOW = "undecided_now"
    CLOSED_NOW = "closed_now"
    NOTHING_NOW = "nothing_now"
    DENIED_NOW = "denied_now"
    TOLD_ONLY_NOW = "told_only_now"
    ASKS_MORE_NOW = "asks_more_now"
    OTHERWISE = "otherwise"


SPOKEN: Final = {
    Change.RUNS_NOW: "would run by itself now, and did not before",
    Change.RUNS_OTHERWISE: "runs by itself as before, and runs something else now",
    Change.ASKS_FEWER_NOW: "asks fewer people now",
    Change.DENIED_NO_MORE: "was denied, and asks now",
    Change.TOLD_ONLY_NO_MORE: "was only told, and asks now",
    Change.OTHER_PLAN_NOW: "asks as many people as before, and for something else now",
    Change.MATCHED_NOW: "has a runbook now, and had none that could be used",
    Change.MATCHED_NO_MORE: "has no runbook now that can be used, and had one",
    Change.UNDECIDED_NOW: "asks a person now which runbook",
    Change.CLOSED_NOW: "is closed as a false alarm now",
    Change.NOTHING_NOW: "leads to nothing of its own now",
    Change.DENIED_NOW: "is denied now",
    Change.TOLD_ONLY_NOW: "is only told now",
    Change.ASKS_MORE_NOW: "asks more people now",
    Change.OTHERWISE: "fares otherwise now",
}

_R = Result
_ASKS: Final = frozenset({_R.ASKS_1, _R.ASKS_2})
_TOLD: Final = frozenset({_R.SUGGESTED, _R.OBSERVED})
_HAS: Final = PLANNED | _TOLD | {_R.DENIED}
_ANY: Final[frozenset[Any]] = frozenset({*Result, *Decision, None})
_NONE: Final = _ANY - frozenset(Result) | {_R.GROUPED}
#: From what to what; of several that fit, the first says it.
_CHANGES: Final[tuple[tuple[Change, frozenset[Any], frozenset[Any]], ...]] = (
    (Change.RUNS_NOW, _ANY - {_R.RUNS}, frozenset({_R.RUNS})),
    (Change.ASKS_FEWER_NOW, frozenset({_R.ASKS_2}), frozenset({_R.ASKS_1})),
    (Change.DENIED_NO_MORE, frozenset({_R.DENIED}), _ASKS | _TOLD),
    (Change.TOLD_ONLY_NO_MORE, _TOLD, _ASKS),
    (Change.MATCHED_NOW, ESCALATED | {_R.UNDECIDED}, _ASKS | _TOLD),
    (Change.UNDECIDED_NOW, _HAS | ESCALATED, frozenset({_R.UNDECIDED})),
    (Change.DENIED_NOW, _ANY, frozenset({_R.DENIED})),
    (Change.TOLD_ONLY_NOW, _ANY - _TOLD, _TOLD),
    (Change.ASKS_MORE_NOW, frozenset({_R.RUNS, _R.ASKS_1}), _ASKS),
    (Change.MATCHED_NO_MORE, _HAS | {_R.UNDECIDED}, ESCALATED),
    (Change.CLOSED_NOW, _ANY, frozenset({_R.CLOSED_AS_FALSE})),
    (Change.NOTHING_NOW, frozenset(Result) - {_R.GROUPED}, _NONE),
)


def change(before: Fate | None, now: Fate | None) -> Change | None:
    """How a fate differs; None where it comes to the same, though maybe for other reasons."""
    was, became = (fate.ends if fate is not None else None for fate in (before, now))
    if was != became:
        found = (one for one, of, to in _CHANGES if was in of and became in to)
        return next(found, Change.OTHERWISE)
    plans = [fate.outcome.plan for fate in (before, now) if fate is not None and fate.outcome]
    if len(set(plans)) <= 1:
        return None
    return Change.RUNS_OTHERWISE if was is Result.RUNS else Change.OTHER_PLAN_NOW


@dataclass
class _Line:
    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


class Comparison:
    """The differences so far, by the names of alerts, with some examples of each."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._lines: dict[tuple[Change, str], _Line] = {}

    def add(self, at: datetime, before: Moment, now: Moment) -> None:
        """Compare what both versions made of the same alerts."""
        for was, became in zip(before.fates, now.fates, strict=True):
            self._compare(at, was, became)
        for one in _beside(before, now):
            self._compare(at, *one)

    def _compare(self, at: datetime, before: Fate | None, now: Fate | None) -> None:
        changed = change(before, now)
        fate = now or before
        if changed is None or fate is None:
            return
        line = self._lines.setdefault((changed, fate.alert.name), _Line())
        line.count += 1
        if len(line.examples) < self._examples:
            line.examples.append(
                {
                    "at": at.isoformat(),
                    "fingerprint": fate.alert.fingerprint,
                    "title": fate.alert.title,
                    "before": _told(before),
                    "now": _told(now),
                }
            )

    def counts(self) -> dict[str, int]:
        """How many alerts fare otherwise, by the change."""
        counts = dict.fromkeys(Change, 0)
        for (changed, _), line in self._lines.items():
            counts[changed] += line.count
        return {changed.value: count for changed, count in counts.items() if count}

    def facts(self) -> list[dict[str, Any]]:
        """The differences, the dangerous first, then by how many there are."""
        order = list(Change)
        lines = sorted(
            self._lines.items(),
            key=lambda each: (order.index(each[0][0]), -each[1].count, each[0][1]),
        )
        return [
            {"change": changed.value, "name": name, "count": line.count, "examples": line.examples}
            for (changed, name), line in lines
        ]


def _beside(before: Moment, now: Moment) -> Iterator[tuple[Fate | None, Fate | None]]:
    """What no alert of the moment brought, paired by what it is about."""
    was, became = (_by_problem(fates_of(moment.others)) for moment in (before, now))
    for problem in dict.fromkeys((*was, *became)):
        yield was.get(problem), became.get(problem)


def _by_problem(fates: Iterable[Fate]) -> dict[tuple[str, str], Fate]:
    return {(fate.alert.source, fate.alert.fingerprint): fate for fate in fates}


def _told(fate: Fate | None) -> dict[str, str]:
    if fate is None or fate.ends is None:
        return {"comes_to": "nothing", "because": ""}
    told = {"comes_to": fate.ends.value, "because": fate.why}
    if fate.outcome is not None and fate.outcome.runbook:
        told["runbook"] = fate.outcome.runbook
    return told
