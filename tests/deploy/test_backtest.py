"""What a backtest reports of small histories."""

from datetime import timedelta

import pytest

from deploy.backtest.past import Past
from deploy.backtest.world import World
from shared.policy.records.record import Record
from tests.deploy.backtests import START, report, small, told, version, would

LAB = [{"name": "lab", "when": 'labels.team == "lab"', "open": False}]
WINDOW = {
    "name": "patching",
    "reason": "kernel",
    "matchers": ["host=web-2"],
    "starts": "2026-03-01T10:00:00+00:00",
    "ends": "2026-03-01T10:30:00+00:00",
}
NODE = [{"name": "node", "by": ["labels.node"], "within": "5m", "at_least": 2}]
FLAPS = {"flapping": {"times": 2, "within": "20m"}}
DOWN, OVER = told(0), told(1, over=True)


def ruled(**said):
    return version(small(), policy=said)


@pytest.mark.parametrize(
    ("history", "now", "alerts", "outcomes", "tickets"),
    [
        pytest.param([], version(), {}, {}, {}, id="nothing"),
        pytest.param(
            [DOWN],
            version(small()),
            {"opened": 1},
            {"runs": 1, "matched": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="low risk runs",
        ),
        pytest.param(
            [DOWN],
            version(small(risk="high")),
            {"opened": 1},
            {"asks_1": 1, "matched": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="high risk asks one",
        ),
        pytest.param(
            [DOWN],
            version(small(risk="critical")),
            {"opened": 1},
            {"asks_2": 1, "matched": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="critical risk asks two",
        ),
        pytest.param(
            [DOWN],
            ruled(deny=[{"name": "no", "command": "true"}]),
            {"opened": 1},
            {"denied": 1, "matched": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="denied",
        ),
        pytest.param(
            [DOWN],
            ruled(modes={"sources": {"am": "suggest"}}),
            {"opened": 1},
            {"suggested": 1, "matched": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="suggested",
        ),
        pytest.param(
            [DOWN],
            ruled(modes={"sources": {"am": "observe"}}),
            {"opened": 1},
            {"observed": 1, "matched": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="observed",
        ),
        pytest.param(
            [DOWN],
            version(small(alerts="[Other]")),
            {"opened": 1},
            {"nothing_fits": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="no runbook",
        ),
        pytest.param(
            [DOWN],
            version(small(needs="disk")),
            {"opened": 1},
            {"unfilled": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="a parameter is missing",
        ),
        pytest.param(
            [DOWN],
            version(small(), small("other")),
            {"opened": 1},
            {"undecided": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="two runbooks name the alert as exactly",
        ),
        pytest.param(
            [DOWN],
            version(small(), small("other"), policy={"deny": [{"name": "no", "command": "true"}]}),
            {"opened": 1},
            {"denied": 1, "matched": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="two runbooks that the policy denies are no question",
        ),
        pytest.param(
            [DOWN],
            version(small(), targets={}),
            {"opened": 1},
            {"unfilled": 1},
            {"opened": 1, "open_at_the_end": 1},
            id="a target is missing",
        ),
        pytest.param(
            [DOWN, told(2), told(3, over=True)],
            version(small()),
            {"opened": 1, "repeated": 1, "resolved": 1},
            {"runs": 1, "matched": 1},
            {"opened": 1, "resolved_at_source": 1, "open_at_the_end": 0},
            id="repeated and over",
        ),
        pytest.param(
            [DOWN, OVER, told(9)],
            version(small()),
            {"opened": 1, "resolved": 1, "reopened": 1},
            {"runs": 2, "matched": 2},
            {"opened": 1, "reopened": 1, "resolved_at_source": 1, "open_at_the_end": 1},
            id="reopened within the hour",
        ),
        pytest.param(
            [DOWN, OVER, told(90)],
            version(small()),
            {"opened": 2, "resolved": 1},
            {"runs": 2, "matched": 2},
            {"opened": 2, "resolved_at_source": 1, "open_at_the_end": 1},
            id="another ticket after the hour",
        ),
        pytest.param(
            [told(0, team="lab"), told(1, team="lab", over=True)],
            version(small(), triggers=LAB),
            {"not_opened": 1, "no_ticket": 1},
            {},
            {},
            id="a trigger opens nothing",
        ),
        pytest.param(
            [told(5, host="web-2"), told(6, host="web-2", over=True), told(40, host="web-2")],
            version(small(), maintenance=[WINDOW]),
            {"opened": 1, "suppressed": 1, "no_ticket": 1},
            {"runs": 1, "matched": 1},
            {"opened": 1, "suppressed": 1, "open_at_the_end": 1},
            id="suppressed and over, so another ticket",
        ),
        pytest.param(
            [told(5, host="web-2"), told(40, host="web-3")],
            version(small(), maintenance=[WINDOW]),
            {"opened": 1, "suppressed": 1},
            {"runs": 2, "matched": 2},
            {"opened": 1, "suppressed": 1, "reopened": 1, "open_at_the_end": 2},
            id="what fires after its window is reopened without an alert",
        ),
        pytest.param(
            [told(0, node="n1"), told(1, host="web-2", node="n1")],
            version(small(), correlation=NODE),
            {"opened": 2},
            {"runs": 1, "grouped": 1, "matched": 1},
            {"opened": 2, "open_at_the_end": 2},
            id="grouped under the first",
        ),
        pytest.param(
            [
                told(0, node="n1"),
                told(1, host="web-2", node="n1"),
                told(2, node="n1", over=True),
                told(9, host="web-3"),
            ],
            version(small(), correlation=NODE),
            {"opened": 3, "resolved": 1},
            {"runs": 3, "grouped": 1, "matched": 3},
            {"opened": 3, "reopened": 1, "resolved_at_source": 1, "open_at_the_end": 2},
            id="a child that its parent ended without",
        ),
        pytest.param(
            [told(0, "Watchdog"), told(1, "Watchdog")],
            version(small()),
            {"opened": 1, "repeated": 1},
            {"closed_as_false": 1},
            {"opened": 1, "open_at_the_end": 0},
            id="a false alarm",
        ),
    ],
)
async def test_small_histories_come_to(history, now, alerts, outcomes, tickets):
    found = await would(history, now)
    assert found["alerts"] == alerts
    assert found["outcomes"] == outcomes
    assert found["tickets"] == {"open_at_the_end": 0, **tickets}


async def test_what_comes_and_goes_is_left_to_a_person():
    history = [DOWN, OVER, told(4), told(5, over=True), told(8)]
    found = await would(history, version(small(), tickets=FLAPS))
    assert found["tickets"]["flapping"] == 1
    assert found["outcomes"] == {"runs": 2, "flapping": 1, "matched": 2}


async def test_the_order_of_the_file_does_not_matter_and_the_report_is_always_the_same():
    history = [told(minute, host=f"web-{minute % 5}", over=minute % 3 == 0) for minute in range(60)]
    now = version(small())
    straight = await report(history, now)
    assert await report(list(reversed(history)), now) == straight
    assert await report(history, now) == straight


async def test_an_alert_that_is_there_twice_counts_once():
    found = await report([DOWN, DOWN, OVER], version(small()))
    assert found["read"] == {
        "alerts": 2,
        "again": 1,
        "first": "2026-03-01T10:00:00+00:00",
        "last": "2026-03-01T10:01:00+00:00",
    }


async def test_rules_and_runbooks_say_how_often_they_decided():
    history = [
        told(0),
        told(1, "Slow", team="lab"),
        told(2, host="web-2"),
        told(3, "Slow", host="web-3"),
    ]
    now = version(
        small("fix", "[Down]"),
        small("ask", "[Slow]", risk="critical"),
        triggers=LAB,
        maintenance=[WINDOW],
        policy={"rules": [{"name": "slow", "when": 'ticket.name == "Slow"', "require": 1}]},
    )
    found = await would(history, now)
    assert found["rules"] == {
        "identity": {},
        "triggers": {"lab": 1},
        "maintenance": {"patching": 1},
        "correlation": {},
        "policy": {"default": 1, "slow": 1},
    }
    assert found["runbooks"] == {
        "ask": {"alerts": {}, "outcomes": {"asks_1": 1, "matched": 1}, "steps": {"critical": 1}},
        "fix": {"alerts": {}, "outcomes": {"matched": 1, "runs": 1}, "steps": {"low": 1}},
    }
    assert found["names"]["Slow"] == {
        "alerts": {"not_opened": 1, "opened": 1},
        "outcomes": {"asks_1": 1, "matched": 1},
        "steps": {"critical": 1},
    }


async def test_the_reasons_that_are_met_most_come_first_with_an_example():
    history = [told(0, "A"), told(1, "B"), told(2, "B", host="web-2")]
    found = await would(history, version())
    assert [(one["reason"], one["count"]) for one in found["reasons"]["nothing_fits"]] == [
        ("there are no runbooks", 3)
    ]
    unfilled = (await would(history, version(small(alerts='["*"]', needs="disk"))))["reasons"]
    (one,) = unfilled["unfilled"]
    assert "the alert has no label disk" in one["reason"]
    assert one["example"]["title"] == "A on web-1"


async def test_a_policy_sees_the_time_of_the_alert_and_not_that_of_the_backtest():
    sunday = {"rules": [{"name": "weekend", "when": "time.weekend", "deny": "nobody is here"}]}
    history = [told(0), told(24 * 60, host="web-2")]
    found = await would(history, version(small(), policy=sunday))
    assert found["outcomes"] == {"denied": 1, "runs": 1, "matched": 2}


async def test_caps_count_the_plans_of_the_hour_before_the_alert():
    history = [told(minute, host=f"web-{minute}") for minute in (0, 10, 20, 75)]
    capped = version(small(), policy={"caps": {"per_runbook_per_hour": 2}})
    found = await would(history, capped)
    assert found["outcomes"] == {"denied": 1, "runs": 3, "matched": 4}


async def test_a_runbook_that_is_off_today_is_denied():
    made = small()
    record = Record(made.name, made.version, runs=5, failed=5, failed_in_a_row=5)
    records = {(made.name, made.version): record}
    assert (await would([DOWN], version(made), records=records))["outcomes"]["denied"] == 1


def test_more_alerts_than_fit_into_memory_are_sorted_all_the_same():
    history = [told(minute * 7 % 50, host=f"web-{minute}") for minute in range(50)]
    with Past(in_memory=8) as past:
        past.add(history)
        found = [one.at for one in past.in_order()]
        assert found == sorted(one.at for one in history)
        assert [one.at for one in past.in_order()] == found


async def test_what_ended_long_ago_is_forgotten():
    world = World(version(small()))
    for day in range(10):
        for minute, over in ((0, False), (1, True)):
            one = told(day * 24 * 60 + minute, host=f"web-{day}", over=over)
            await world.take([one.alert], one.at)
    assert START + timedelta(days=7) < min(kept.created_at for kept in world.book.by_id.values())


async def test_a_false_alarm_that_never_ended_is_remembered_for_a_day():
    hours = (0, 8, 20)
    history = [told(hour * 60, "Watchdog" if hour != 8 else "Odd") for hour in hours]
    assert (await would(history, version()))["alerts"] == {"opened": 2, "repeated": 1}
