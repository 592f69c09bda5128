"""Two versions beside each other: what fares otherwise, the dangerous first."""

import pytest

from deploy.backtest.comparison import Change, change
from deploy.backtest.outcome import Fate, Outcome, Result
from services.ingest.ticket import Decision
from tests.deploy.backtests import report, small, told, version

ALERT = told(0).alert
PLANS = {Result.RUNS, Result.ASKS_1, Result.ASKS_2}


def fate(ends, plan="one"):
    if isinstance(ends, Result):
        outcome = Outcome(ALERT, ends, "so", plan=plan if ends in PLANS else "")
        return Fate(ALERT, Decision.OPENED, "", outcome)
    return Fate(ALERT, ends, "") if ends is not None else None


R, D, C = Result, Decision, Change


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (R.RUNS, R.RUNS, None),
        (R.ASKS_1, R.ASKS_1, None),
        (D.REPEATED, D.REPEATED, None),
        (None, None, None),
        (R.ASKS_1, R.RUNS, C.RUNS_NOW),
        (R.ASKS_2, R.RUNS, C.RUNS_NOW),
        (R.DENIED, R.RUNS, C.RUNS_NOW),
        (R.SUGGESTED, R.RUNS, C.RUNS_NOW),
        (R.NOTHING_FITS, R.RUNS, C.RUNS_NOW),
        (R.CLOSED_AS_FALSE, R.RUNS, C.RUNS_NOW),
        (R.GROUPED, R.RUNS, C.RUNS_NOW),
        (D.NOT_OPENED, R.RUNS, C.RUNS_NOW),
        (D.REPEATED, R.RUNS, C.RUNS_NOW),
        (None, R.RUNS, C.RUNS_NOW),
        (R.ASKS_2, R.ASKS_1, C.ASKS_FEWER_NOW),
        (R.DENIED, R.ASKS_1, C.DENIED_NO_MORE),
        (R.OBSERVED, R.ASKS_2, C.TOLD_ONLY_NO_MORE),
        (R.NOTHING_FITS, R.ASKS_1, C.MATCHED_NOW),
        (R.UNFILLED, R.ASKS_2, C.MATCHED_NOW),
        (R.NOTHING_FITS, R.SUGGESTED, C.MATCHED_NOW),
        (R.ASKS_1, R.UNFILLED, C.MATCHED_NO_MORE),
        (R.RUNS, R.NOTHING_FITS, C.MATCHED_NO_MORE),
        (R.UNDECIDED, R.ASKS_1, C.MATCHED_NOW),
        (R.UNDECIDED, R.NOTHING_FITS, C.MATCHED_NO_MORE),
        (R.ASKS_1, R.UNDECIDED, C.UNDECIDED_NOW),
        (R.RUNS, R.DENIED, C.DENIED_NOW),
        (R.NOTHING_FITS, R.DENIED, C.DENIED_NOW),
        (R.RUNS, R.SUGGESTED, C.TOLD_ONLY_NOW),
        (R.RUNS, R.ASKS_1, C.ASKS_MORE_NOW),
        (R.ASKS_1, R.ASKS_2, C.ASKS_MORE_NOW),
        (R.ASKS_1, R.CLOSED_AS_FALSE, C.CLOSED_NOW),
        (R.ASKS_1, D.NOT_OPENED, C.NOTHING_NOW),
        (R.RUNS, R.GROUPED, C.NOTHING_NOW),
        (R.RUNS, D.SUPPRESSED, C.NOTHING_NOW),
        (R.UNFILLED, None, C.NOTHING_NOW),
        (D.NOT_OPENED, R.ASKS_1, C.OTHERWISE),
        (D.SUPPRESSED, D.NOT_OPENED, C.OTHERWISE),
        (R.UNFILLED, R.NOTHING_FITS, C.OTHERWISE),
    ],
)
def test_a_fate_is_otherwise(before, now, expected):
    assert change(fate(before), fate(now)) is expected


def test_other_commands_are_another_plan_though_as_many_are_asked():
    assert change(fate(R.RUNS), fate(R.RUNS, "two")) is C.RUNS_OTHERWISE
    assert change(fate(R.ASKS_1), fate(R.ASKS_1, "two")) is C.OTHER_PLAN_NOW


async def test_what_runs_by_itself_now_is_told_first_with_examples_and_reasons():
    history = [
        told(0, "Odd"),
        told(1, "Odd", host="web-2"),
        told(2, "Odd", host="web-3"),
        told(3),
        told(4, "Slow"),
    ]
    before = version(small("fix", "[Down]", risk="high"), small("ask", "[Slow]"))
    now = version(
        small("fix", "[Down]"), small("ask", "[Slow]"), small("new", "[Odd]", risk="high")
    )
    found = await report(history, now, before, examples=2)
    assert found["changed"] == {"runs_now": 1, "matched_now": 3}
    runs, matched = found["changes"]
    assert (runs["change"], runs["name"], runs["count"]) == ("runs_now", "Down", 1)
    assert runs["examples"] == [
        {
            "at": "2026-03-01T10:03:00+00:00",
            "fingerprint": told(3).alert.fingerprint,
            "title": "Down on web-1",
            "before": {
                "comes_to": "asks_1",
                "because": "act: high risk: one person has to agree",
                "runbook": "fix",
            },
            "now": {
                "comes_to": "runs",
                "because": "act: low risk: it runs without asking",
                "runbook": "fix",
            },
        }
    ]
    assert (matched["count"], len(matched["examples"])) == (3, 2)
    assert found["against"]["outcomes"] == {"asks_1": 1, "matched": 2, "nothing_fits": 3, "runs": 1}


async def test_the_same_version_changes_nothing():
    history = [told(minute, host=f"web-{minute % 3}", over=minute % 4 == 3) for minute in range(40)]
    now = version(small())
    found = await report(history, now, now)
    assert (found["changed"], found["changes"]) == ({}, [])
    assert found["would"] == found["against"]


async def test_another_command_that_runs_by_itself_is_told():
    before, now = version(small()), version(small(run="false"))
    assert (await report([told(0)], now, before))["changed"] == {"runs_otherwise": 1}


async def test_what_time_brings_in_one_version_only_is_compared_too():
    window = {
        "name": "patching",
        "reason": "kernel",
        "all": True,
        "starts": "2026-03-01T10:00:00+00:00",
        "ends": "2026-03-01T10:30:00+00:00",
    }
    before, now = version(small()), version(small(), maintenance=[window])
    found = await report([told(5), told(40, "Other")], now, before)
    assert found["changed"] == {"runs_now": 1, "nothing_now": 1}
