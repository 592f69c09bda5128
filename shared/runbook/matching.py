"""Which runbooks are for an alert, the best one first, and why."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

from shared.events import Alert
from shared.lifecycle import Severity
from shared.runbook import conditions
from shared.runbook.library import Library
from shared.runbook.runbook import Runbook

_WILDCARDS: Final = re.compile(r"[*?]|\[[^\]]*\]")
#: How an alert's name was met; better ones first.
_EXACT, _GLOB, _CONDITION, _NOT_AT_ALL = range(4)
#: The rank of a runbook that no rule names for the alert and that the search found.
FOUND: Final = (_NOT_AT_ALL, 0, "")


@dataclass(frozen=True)
class Candidate:
    """One runbook beside one alert."""

    runbook: Runbook
    matched: bool
    reasons: tuple[str, ...]
    rank: tuple[int, int, str]

    @property
    def named(self) -> bool:
        """Whether the runbook is for alerts of this name, whatever its condition says."""
        return self.rank[0] != _NOT_AT_ALL

    def equals(self, other: "Candidate") -> bool:
        """Whether only their names tell which of the two goes first."""
        return self.rank[:2] == other.rank[:2]


@dataclass(frozen=True)
class Ranking:
    """All runbooks: those that match, the best first, and the others."""

    matches: tuple[Candidate, ...]
    others: tuple[Candidate, ...]


def match(library: Library, alert: Alert, severity: Severity) -> Ranking:
    """Rank the runbooks for an alert.

    An exact name beats a pattern, which beats a runbook that has only a condition; of two patterns
    the one with more literal characters wins, then the runbook's name decides.
    """
    values = _values(alert, severity)
    candidates = sorted(
        (_candidate(runbook, alert, values) for runbook in library.runbooks),
        key=lambda candidate: candidate.rank,
    )
    return Ranking(
        tuple(candidate for candidate in candidates if candidate.matched),
        tuple(candidate for candidate in candidates if not candidate.matched),
    )


def allows(runbook: Runbook, alert: Alert, severity: Severity) -> bool:
    """Whether the runbook's condition, if it has one, holds for the alert."""
    when = runbook.content.match.when
    return when is None or conditions.answer(when, _values(alert, severity)).holds


def _values(alert: Alert, severity: Severity) -> dict[str, Any]:
    return {
        "severity": severity.value,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "name": alert.name,
        "source": alert.source,
    }


def _candidate(runbook: Runbook, alert: Alert, values: Mapping[str, Any]) -> Candidate:
    wanted = runbook.content.match
    kind, literal, named = _by_name(wanted.alerts, wanted.when is not None, alert.name)
    rank = (kind, -literal, runbook.name)
    if kind == _NOT_AT_ALL:
        return Candidate(runbook, matched=False, reasons=(named,), rank=rank)
    when = wanted.when
    if when is None:
        return Candidate(runbook, matched=True, reasons=(named,), rank=rank)
    answer = conditions.answer(when, values)
    said = "holds" if answer.holds else "does not hold"
    why = f": {answer.problem}" if answer.problem else ""
    reasons = (named, f"its condition {said}{why} ({when})")
    return Candidate(runbook, matched=answer.holds, reasons=reasons, rank=rank)


# A history or a storm has the same few names again and again, and each looks at every runbook.
@lru_cache(maxsize=65_536)
def _by_name(alerts: tuple[str, ...], conditional: bool, name: str) -> tuple[int, int, str]:  # noqa: FBT001 cached
    if name in alerts:
        return _EXACT, len(name), f"it is for the alert {name}"
    met = [pattern for pattern in alerts if fnmatchcase(name, pattern)]
    if met:
        best = max(met, key=_literal)
        return _GLOB, _literal(best), f"it is for alerts like {best}"
    if not alerts and conditional:
        return _CONDITION, 0, "it is for every alert that meets its condition"
    return _NOT_AT_ALL, 0, f"it is for {', '.join(alerts) or 'no alert by name'}, not for {name}"


def _literal(pattern: str) -> int:
    return len(_WILDCARDS.sub("", pattern))
