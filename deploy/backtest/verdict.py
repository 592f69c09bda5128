"""What makes a backtest fail in CI."""

from collections.abc import Mapping
from typing import Any, Final

import typer

from deploy.backtest.comparison import SPOKEN, Change
from deploy.backtest.outcome import ESCALATED, Result

_SPOKEN: Final = {
    Result.RUNS: "run without asking",
    Result.ASKS_1: "ask one person",
    Result.ASKS_2: "ask two people",
    Result.DENIED: "denied by the policy",
    Result.SUGGESTED: "only suggested",
    Result.OBSERVED: "only observed",
    Result.UNFILLED: "escalated, as their runbook cannot be used",
    Result.NOTHING_FITS: "escalated, as no runbook applies",
    Result.UNDECIDED: "ask a person which runbook",
    Result.FLAPPING: "escalated, as they come and go",
    Result.CLOSED_AS_FALSE: "closed as false alarms",
    Result.GROUPED: "put under another ticket",
}
#: All that a backtest may fail on.
REASONS: Final = ("escalated", *(one.value for one in (*Result, *Change)))


def reasons(written: str | None) -> tuple[str, ...]:
    """``--fail-on``, with commas between.

    Raises:
        BadParameter: one is not known.
    """
    names = tuple(name.strip() for name in (written or "").split(",") if name.strip())
    for name in names:
        if name not in REASONS:
            raise typer.BadParameter(f"there is no {name!r}: there are {', '.join(REASONS)}")
    return names


def failures(names: tuple[str, ...], report: Mapping[str, Any]) -> list[str]:
    """Why it failed, in words."""
    outcomes = report["would"]["outcomes"]
    counts = {**outcomes, **report.get("changed", {})}
    counts["escalated"] = sum(outcomes.get(one.value, 0) for one in ESCALATED)
    return [f"{name}: {counts[name]} {spoken(name)}" for name in names if counts.get(name)]


def spoken(name: str) -> str:
    """A result or a change, for people."""
    if name in {one.value for one in Result}:
        return _SPOKEN[Result(name)]
    return SPOKEN[Change(name)] if name in {one.value for one in Change} else name
