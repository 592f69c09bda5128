"""A backtest's report for people."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from deploy.backtest.comparison import Change
from deploy.backtest.outcome import Result
from deploy.backtest.verdict import spoken
from deploy.output import add, console, say, table
from services.ingest.ticket import Decision
from shared.lifecycle import Risk

_DECISIONS: Final = {
    Decision.OPENED: "opened a ticket",
    Decision.REPEATED: "repeated one",
    Decision.REOPENED: "reopened one",
    Decision.SUPPRESSED: "suppressed by a window",
    Decision.NOT_OPENED: "opened nothing, by a trigger",
    Decision.RESOLVED: "ended a problem",
    Decision.ENDED: "ended, while others on the problem fire",
    Decision.NO_TICKET: "ended without a ticket",
}
_NAMES_SHOWN: Final = 20
_DANGEROUS: Final = frozenset({Change.RUNS_NOW, Change.RUNS_OTHERWISE, Change.ASKS_FEWER_NOW})
_COLUMNS: Final = (
    *("matched", Result.RUNS, Result.ASKS_1, Result.ASKS_2, Result.DENIED, Result.SUGGESTED),
    *(Result.OBSERVED, Result.UNFILLED),
)


def show(report: Mapping[str, Any]) -> None:
    """Print a report; what changed and may do harm comes first."""
    if "changes" in report:
        _changes(report["changes"])
    read, would = report["read"], report["would"]
    again = f", {read['again']} more were there twice" if read["again"] else ""
    span = f" from {read['first']} to {read['last']}" if read["first"] else ""
    say(f"{read['alerts']} alerts{span}{again}", style="bold")
    _counts("alerts", ((text, would["alerts"].get(one, 0)) for one, text in _DECISIONS.items()))
    _counts(
        "tickets", ((name.replace("_", " "), count) for name, count in would["tickets"].items())
    )
    outcomes = would["outcomes"]
    _counts("would come to", ((spoken(one), outcomes.get(one, 0)) for one in Result))
    _counts("steps", ((f"{risk} risk", would["steps"].get(risk, 0)) for risk in Risk))
    _lots("runbook", would["runbooks"])
    _names(would["names"])
    for kind, rules in would["rules"].items():
        _counts(f"decided by {kind}", rules.items())
    _reasons(would["reasons"])


def _counts(title: str, counts: Iterable[tuple[str, int]]) -> None:
    there = [(text, count) for text, count in counts if count]
    if not there:
        return
    say(f"\n{title}", style="bold")
    for text, count in there:
        say(f"{count:8}  {text}")


def _lots(what: str, lots: Mapping[str, Any]) -> None:
    if not lots:
        return
    shown = table(what, *(column.replace("_", " ") for column in _COLUMNS), "steps")
    for name, lot in lots.items():
        outcomes = lot["outcomes"]
        cells = (str(outcomes.get(column, "")) for column in _COLUMNS)
        add(shown, name, *cells, _risks(lot["steps"]))
    say()
    console().print(shown)


def _names(names: Mapping[str, Any]) -> None:
    """Those that come most, where there are many."""
    ordered = sorted(names.items(), key=lambda each: (-sum(each[1]["alerts"].values()), each[0]))
    shown = table("alert", "alerts", "tickets", "would")
    for name, lot in ordered[:_NAMES_SHOWN]:
        would = (
            f"{lot['outcomes'][one]} {spoken(one)}" for one in Result if one in lot["outcomes"]
        )
        told, opened = sum(lot["alerts"].values()), lot["alerts"].get(Decision.OPENED, 0)
        add(shown, name, str(told), str(opened), ", ".join(would))
    if ordered:
        say()
        console().print(shown)
    if (more := len(ordered) - _NAMES_SHOWN) > 0:
        say(f"and {more} other names: --json has them all", style="dim")


def _risks(steps: Mapping[str, int]) -> str:
    return ", ".join(f"{steps[risk]} {risk}" for risk in Risk if risk in steps)


def _reasons(reasons: Mapping[str, Any]) -> None:
    for result, listed in reasons.items():
        say(f"\n{spoken(result)}, because", style="bold")
        for one in listed:
            example = one["example"]
            told = f"(such as {example['fingerprint'][:8]} {example['title']})"
            say(f"{one['count']:8}  {one['reason']} {told}")


def _changes(changes: Iterable[Mapping[str, Any]]) -> None:
    changes = list(changes)
    if not changes:
        say("No alert fares otherwise.\n", style="green")
        return
    for one in changes:
        style = "bold red" if one["change"] in _DANGEROUS else "bold"
        say(f"{one['count']} {one['name']}: {spoken(one['change'])}", style=style)
        for example in one["examples"]:
            say(f"    {example['at']} {example['fingerprint'][:8]} {example['title']}")
            for side in ("before", "now"):
                say(f"      {side}: {_side(example[side])}", style="dim")
    say()


def _side(told: Mapping[str, str]) -> str:
    runbook = f" ({told['runbook']})" if "runbook" in told else ""
    because = f": {told['because']}" if told["because"] else ""
    return f"{told['comes_to'].replace('_', ' ')}{runbook}{because}"
