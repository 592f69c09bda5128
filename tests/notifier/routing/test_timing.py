"""What is due when, as tables: escalation, reminders, quiet hours, digests, and no second time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.routing.timing import Question, digest_key, due, released, stages
from shared.config.routes import RouteConfig
from shared.lifecycle import Risk, Severity

MINUTE = timedelta(minutes=1)
#: A Friday evening in Berlin, where it is ten.
NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
NIGHTS = {"hours": [{"from": "20:00", "to": "08:00"}]}


def route(**said) -> RouteConfig:
    return RouteConfig.model_validate({"name": "r", "timezone": "Europe/Berlin", **said})


def question(severity="P3", risk="medium", minutes=60, asked_at=NOW) -> Question:
    expires_at = asked_at + minutes * MINUTE
    return Question(Severity(severity), risk and Risk(risk), asked_at, expires_at)


def plan(made: RouteConfig, asked: Question) -> list[tuple[str, float]]:
    """Keys, and after how many minutes."""
    return [(one.key, (one.at - asked.asked_at) / MINUTE) for one in stages(made, asked)]


ESCALATE = [{"after": "5m", "to": ["on-call:second"]}, {"after": "20m", "to": ["leads"]}]


@pytest.mark.parametrize(
    ("said", "asked", "comes"),
    [
        ({}, {}, [("ask", 0)]),
        ({"escalate": ESCALATE}, {}, [("ask", 0), ("escalate-1", 5), ("escalate-2", 20)]),
        ({"escalate": ESCALATE}, {"minutes": 10}, [("ask", 0), ("escalate-1", 5)]),
        (
            {"remind": {"every": "25m", "most": 5}},
            {},
            [("ask", 0), ("remind-1", 25), ("remind-2", 50)],
        ),
        (
            {"escalate": ESCALATE[:1], "remind": {"every": "4m", "most": 2}},
            {},
            [("ask", 0), ("remind-1", 4), ("escalate-1", 5), ("remind-2", 8)],
        ),
        # Held until eight in the morning, which is ten hours away.
        ({"quiet": NIGHTS}, {"minutes": 720}, [("ask", 600)]),
        (
            {"quiet": NIGHTS, "escalate": ESCALATE[:1]},
            {"minutes": 720},
            [("ask", 600), ("escalate-1", 605)],
        ),
        # It would expire before, or leave nobody the time to answer.
        ({"quiet": NIGHTS}, {"minutes": 60}, [("ask", 0)]),
        ({"quiet": NIGHTS}, {"minutes": 610}, [("ask", 0)]),
        ({"quiet": NIGHTS}, {"minutes": 615}, [("ask", 600)]),
        # What is bad waits for nothing.
        ({"quiet": NIGHTS}, {"severity": "P2", "minutes": 720}, [("ask", 0)]),
        (
            {"quiet": {**NIGHTS, "severities": ["P2"]}},
            {"severity": "P2", "minutes": 720},
            [("ask", 600)],
        ),
        # What cannot wait begins at once; what is left waits for the morning, each once.
        (
            {"quiet": NIGHTS, "escalate": ESCALATE, "remind": {"every": "30m", "most": 3}},
            {"minutes": 606},
            [("ask", 0), ("escalate-1", 600), ("escalate-2", 600), ("remind-1", 600)],
        ),
        ({"digest": {"within": "10m"}}, {"risk": "low"}, [("ask", 10)]),
        ({"digest": {"within": "10m"}}, {"risk": "medium"}, [("ask", 0)]),
        ({"digest": {"within": "10m"}}, {"risk": None}, [("ask", 0)]),
        ({"digest": {"within": "10m"}}, {"risk": "low", "minutes": 15}, [("ask", 0)]),
        # Gathered ones that end in the quiet hours wait for the morning too, or are asked before.
        (
            {"digest": {"within": "10m"}, "quiet": NIGHTS},
            {"risk": "low", "minutes": 720},
            [("ask", 600)],
        ),
        ({"digest": {"within": "10m"}, "quiet": NIGHTS}, {"risk": "low"}, [("ask", 10)]),
    ],
)
def test_when_each_stage_comes(said, asked, comes):
    asked = question(**asked)
    assert plan(route(**said), asked) == comes


@pytest.mark.parametrize(
    ("asked_at", "held_until"),
    [
        ("2026-11-20T19:59+01:00", None),
        ("2026-11-20T20:00+01:00", "2026-11-21T08:00+01:00"),
        ("2026-11-21T07:59+01:00", "2026-11-21T08:00+01:00"),
        ("2026-11-21T08:00+01:00", None),
        # The night that has an hour more, and the one that has one less.
        ("2026-10-24T20:00+02:00", "2026-10-25T08:00+01:00"),
        ("2026-03-28T20:00+01:00", "2026-03-29T08:00+02:00"),
    ],
)
def test_quiet_hours_are_those_of_the_clock(asked_at, held_until):
    at = datetime.fromisoformat(asked_at)
    asked = question(asked_at=at, minutes=24 * 60)
    held = datetime.fromisoformat(held_until) if held_until else at
    assert released(route(quiet=NIGHTS), asked)[0] == held


def test_quiet_hours_that_touch_are_one():
    weekend = {"days": "weekend", "from": "00:00", "to": "00:00"}
    nights = {"from": "18:00", "to": "09:00"}
    quiet = {"hours": [nights, weekend]}
    friday = question(minutes=7 * 24 * 60)
    monday = datetime.fromisoformat("2026-11-23T09:00+01:00")
    assert released(route(quiet=quiet), friday)[0] == monday


def done(*keys):
    return frozenset(keys)


WHOLE = {"escalate": ESCALATE, "remind": {"every": "10m", "most": 3}}


@pytest.mark.parametrize(
    ("already", "minutes", "comes", "skipped", "next_at"),
    [
        (done(), 0, ["ask"], [], 5),
        (done("ask"), 0, [], [], 5),
        (done("ask"), 4.9, [], [], 5),
        (done("ask"), 5, ["escalate-1"], [], 10),
        (done("ask", "escalate-1"), 10, ["remind-1"], [], 20),
        (done("ask", "escalate-1", "remind-1"), 20, ["escalate-2", "remind-2"], [], 30),
        # Nobody was there for half an hour: each is told once, and of the reminders the last.
        (done("ask"), 30, ["escalate-1", "escalate-2", "remind-3"], ["remind-1", "remind-2"], None),
        (
            done(),
            30,
            ["ask", "escalate-1", "escalate-2"],
            ["remind-1", "remind-2", "remind-3"],
            None,
        ),
        (
            done("ask"),
            59.9,
            ["escalate-1", "escalate-2", "remind-3"],
            ["remind-1", "remind-2"],
            None,
        ),
        (done("ask"), 60, [], [], None),
    ],
)
def test_what_is_due_by_what_is_done(already, minutes, comes, skipped, next_at):
    said = due(route(**WHOLE), question(), already, NOW + minutes * MINUTE)
    assert sorted(stage.key for stage in said.stages) == sorted(comes)
    assert sorted(said.skipped) == sorted(skipped)
    assert said.next_at == (None if next_at is None else NOW + next_at * MINUTE)


@pytest.mark.parametrize(
    ("seconds", "together"), [(0, True), (599, True), (600, False), (-1, False)]
)
def test_questions_of_one_span_come_together(seconds, together):
    made = route(digest={"within": "10m"})
    one = digest_key(made, question(risk="low"))
    other = digest_key(made, question(risk="low", asked_at=NOW + timedelta(seconds=seconds)))
    assert (one == other) is together
    assert digest_key(made, question()) is None


@given(
    looks=st.lists(st.integers(0, 90), min_size=1, max_size=12),
    escalate=st.lists(st.integers(1, 70), unique=True, max_size=4).map(sorted),
    every=st.integers(1, 40),
    minutes=st.integers(1, 80),
    severity=st.sampled_from(Severity),
    risk=st.sampled_from(Risk),
)
def test_however_often_it_is_looked_each_stage_is_due_once_and_none_is_forgotten(
    *, looks, escalate, every, minutes, severity, risk
):
    made = route(
        escalate=[{"after": f"{after}m", "to": ["x"]} for after in escalate],
        remind={"every": f"{every}m", "most": 4},
        quiet=NIGHTS,
        digest={"within": "7m"},
    )
    asked = question(severity.value, risk.value, minutes)
    finished: set[str] = set()
    moments = sorted(looks)
    for at in moments:
        said = due(made, asked, finished, NOW + at * MINUTE)
        keys = {stage.key for stage in said.stages} | set(said.skipped)
        assert not keys & finished
        finished |= keys
        assert said.next_at is None or said.next_at > NOW + at * MINUTE
    in_time = [at for at in moments if NOW + at * MINUTE < asked.expires_at]
    if in_time:
        last = NOW + in_time[-1] * MINUTE
        assert {stage.key for stage in stages(made, asked) if stage.at <= last} == finished
