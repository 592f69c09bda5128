"""Who is on call when, as tables: handoffs, nights of changed clocks, restrictions, overrides."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.schedules import ScheduleConfig
from shared.oncall.built import calendar
from shared.oncall.calendar import Shift, Shifts, between, changes, duty

ANN, BOB, CY = "ann@example.org", "bob@example.org", "cy@example.org"
BERLIN = {"timezone": "Europe/Berlin"}
DAILY = {"people": [ANN, BOB], "rotate": "daily", "starts": "2026-03-25", "handoff": "02:30"}
WEEKLY = {"people": [ANN, BOB, CY], "starts": "2026-01-05", "handoff": "09:00"}


def schedule(*layers, **more):
    return calendar(ScheduleConfig.model_validate({**BERLIN, "layers": list(layers), **more}))


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-01-05T08:59:59+01:00", ()),
        ("2026-01-05T09:00:00+01:00", (ANN,)),
        ("2026-01-12T08:59:59+01:00", (ANN,)),
        ("2026-01-12T09:00:00+01:00", (BOB,)),
        ("2026-01-19T09:00:00+01:00", (CY,)),
        ("2026-01-26T09:00:00+01:00", (ANN,)),
        # Nine in the morning is nine in the morning, in summer too.
        ("2026-03-30T08:59:59+02:00", (CY,)),
        ("2026-03-30T09:00:00+02:00", (ANN,)),
        ("2026-12-28T09:00:00+01:00", (ANN,)),
        ("2027-01-04T09:00:00+01:00", (BOB,)),
    ],
)
def test_weeks_change_hands_at_their_hour_all_year(moment, who):
    assert schedule(WEEKLY).at(at(moment)) == who


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        # 2026-03-29: 02:00 becomes 03:00, so 02:30 is 03:30.
        ("2026-03-28T02:30:00+01:00", (BOB,)),
        ("2026-03-29T01:59:00+01:00", (BOB,)),
        ("2026-03-29T03:29:00+02:00", (BOB,)),
        ("2026-03-29T03:30:00+02:00", (ANN,)),
        ("2026-03-30T02:29:00+02:00", (ANN,)),
        ("2026-03-30T02:30:00+02:00", (BOB,)),
    ],
)
def test_a_handoff_in_an_hour_that_is_skipped_is_an_hour_later(moment, who):
    assert schedule(DAILY).at(at(moment)) == who


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        # 2026-10-25: 03:00 becomes 02:00, so 02:30 comes twice, and the first counts.
        ("2026-10-25T02:29:00+02:00", (ANN,)),
        ("2026-10-25T02:30:00+02:00", (BOB,)),
        ("2026-10-25T02:10:00+01:00", (BOB,)),
        ("2026-10-25T02:30:00+01:00", (BOB,)),
        ("2026-10-26T02:29:00+01:00", (BOB,)),
        ("2026-10-26T02:30:00+01:00", (ANN,)),
    ],
)
def test_a_handoff_in_an_hour_that_comes_twice_is_at_the_first(moment, who):
    layer = {**DAILY, "starts": "2026-10-24"}
    assert schedule(layer).at(at(moment)) == who


@pytest.mark.parametrize(
    ("starts", "weekday", "moment", "who"),
    [
        # A Wednesday: until Monday it is the first one's, who then has given it away.
        ("2026-01-07", "monday", "2026-01-07T08:59:00+01:00", ()),
        ("2026-01-07", "monday", "2026-01-07T09:00:00+01:00", (ANN,)),
        ("2026-01-07", "monday", "2026-01-12T08:59:00+01:00", (ANN,)),
        ("2026-01-07", "monday", "2026-01-12T09:00:00+01:00", (BOB,)),
        ("2026-01-07", "wednesday", "2026-01-12T09:00:00+01:00", (ANN,)),
        ("2026-01-07", None, "2026-01-14T08:59:00+01:00", (ANN,)),
        ("2026-01-07", None, "2026-01-14T09:00:00+01:00", (BOB,)),
    ],
)
def test_weeks_change_hands_on_their_day(starts, weekday, moment, who):
    layer = {**WEEKLY, "starts": starts, "weekday": weekday}
    assert schedule(layer).at(at(moment)) == who


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-02-27T20:00:00+01:00", (ANN,)),
        ("2026-02-28T07:59:00+01:00", (ANN,)),
        ("2026-02-28T08:00:00+01:00", (BOB,)),
        ("2026-02-28T20:00:00+01:00", (CY,)),
        ("2026-03-01T08:00:00+01:00", (ANN,)),
        ("2026-03-29T08:00:00+02:00", (CY,)),
        ("2026-03-29T20:00:00+02:00", (ANN,)),
    ],
)
def test_turns_of_hours_go_on_by_the_clock_over_the_end_of_a_month(moment, who):
    layer = {"people": [ANN, BOB, CY], "rotate": "12h", "starts": "2026-02-27", "handoff": "20:00"}
    assert schedule(layer).at(at(moment)) == who


HOURS = {"people": [BOB], "starts": "2026-01-01", "handoff": "00:00"}


@pytest.mark.parametrize(
    ("only", "moment", "on"),
    [
        ({"days": "weekdays", "from": "09:00", "to": "17:00"}, "2026-01-09T09:00:00+01:00", True),
        ({"days": "weekdays", "from": "09:00", "to": "17:00"}, "2026-01-09T17:00:00+01:00", False),
        ({"days": "weekdays", "from": "09:00", "to": "17:00"}, "2026-01-10T12:00:00+01:00", False),
        ({"days": ["friday"], "from": "20:00", "to": "08:00"}, "2026-01-10T07:59:00+01:00", True),
        ({"days": ["friday"], "from": "20:00", "to": "08:00"}, "2026-01-10T08:00:00+01:00", False),
        ({"days": ["friday"], "from": "20:00", "to": "08:00"}, "2026-01-09T07:00:00+01:00", False),
        ({"days": "weekend", "from": "00:00", "to": "00:00"}, "2026-01-11T23:59:00+01:00", True),
        ({"days": "weekend", "from": "00:00", "to": "00:00"}, "2026-01-12T00:00:00+01:00", False),
        ({"from": "02:15", "to": "02:45"}, "2026-03-29T03:20:00+02:00", True),
        ({"from": "02:15", "to": "02:45"}, "2026-10-25T02:20:00+02:00", True),
        ({"from": "02:15", "to": "02:45"}, "2026-10-25T02:20:00+01:00", False),
    ],
)
def test_a_layer_has_somebody_only_in_its_hours(only, moment, on):
    assert schedule({**HOURS, "only": [only]}).at(at(moment)) == ((BOB,) if on else ())


def test_of_two_layers_the_later_one_counts_where_it_has_somebody():
    days = {**HOURS, "only": [{"days": "weekdays", "from": "09:00", "to": "17:00"}]}
    both = schedule({**WEEKLY, "people": [ANN]}, days)
    assert both.at(at("2026-01-09T12:00:00+01:00")) == (BOB,)
    assert both.at(at("2026-01-09T18:00:00+01:00")) == (ANN,)


def test_a_layer_that_has_ended_has_nobody():
    ended = schedule({**WEEKLY, "ends": "2026-01-12"})
    assert ended.at(at("2026-01-12T08:59:00+01:00")) == (ANN,)
    assert ended.at(at("2026-01-12T09:00:00+01:00")) == ()
    assert ended.next_change(at("2026-01-12T09:00:00+01:00")) is None


OVERRIDES = [
    {"person": CY, "from": "2026-01-06T00:00", "to": "2026-01-08T00:00"},
    {"person": BOB, "from": "2026-01-07T00:00+01:00", "to": "2026-01-07T12:00+01:00"},
]


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-01-05T23:59:00+01:00", ANN),
        ("2026-01-06T00:00:00+01:00", CY),
        ("2026-01-07T00:00:00+01:00", BOB),
        ("2026-01-07T12:00:00+01:00", CY),
        ("2026-01-08T00:00:00+01:00", ANN),
    ],
)
def test_overrides_go_before_layers_and_the_last_before_the_others(moment, who):
    assert schedule(WEEKLY, overrides=OVERRIDES).at(at(moment)) == (who,)


@pytest.mark.parametrize(
    ("layers", "moment", "until", "who", "then"),
    [
        ([WEEKLY], "2026-01-06T00:00+01:00", "2026-01-12T09:00+01:00", (BOB,), None),
        ([WEEKLY], "2026-01-01T00:00+01:00", "2026-01-05T09:00+01:00", (ANN,), None),
        (
            [{**HOURS, "only": [{"days": "weekdays", "from": "09:00", "to": "17:00"}]}],
            "2026-01-09T12:00+01:00",
            "2026-01-09T17:00+01:00",
            (BOB,),
            "2026-01-12T09:00+01:00",
        ),
        ([{**WEEKLY, "people": [ANN]}], "2026-01-06T00:00+01:00", None, (), None),
        (
            [{**WEEKLY, "ends": "2026-01-12"}],
            "2026-01-06T00:00+01:00",
            "2026-01-12T09:00+01:00",
            (),
            None,
        ),
    ],
)
def test_until_when_somebody_is_on_call_and_who_is_next(layers, moment, until, who, then):
    said = duty(schedule(*layers), at(moment))
    assert said.until == (until and at(until))
    assert said.next_people == who
    if who:
        assert said.next_at == at(then or until)


def test_whoever_was_on_call_in_a_span_was_so_at_some_time_of_it():
    weeks = schedule(WEEKLY)
    handoff = at("2026-01-12T09:00+01:00")
    minute = timedelta(minutes=1)
    assert between(weeks, handoff - minute, handoff - minute) == {ANN}
    assert between(weeks, handoff - minute, handoff) == {ANN, BOB}
    assert between(weeks, handoff, handoff + timedelta(days=7)) == {BOB, CY}


def test_known_shifts_may_have_several_on_call_and_no_end():
    first = at("2026-01-05T09:00+00:00")
    shifts = Shifts((Shift(ANN, first), Shift(BOB, first, first + timedelta(hours=1))))
    assert shifts.at(first) == (ANN, BOB)
    assert shifts.next_change(first) == first + timedelta(hours=1)
    assert shifts.at(first + timedelta(hours=1)) == (ANN,)
    assert shifts.next_change(first + timedelta(hours=1)) is None


@given(
    starts=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),  # noqa: DTZ001 a wall clock's
    hours=st.integers(1, 200),
    people=st.integers(2, 4),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_in_every_zone_turns_follow_each_other_without_a_gap(starts, hours, people, zone):
    names = [ANN, BOB, CY, "dee@example.org"][:people]
    layer = {
        "people": names,
        "rotate": f"{hours}h",
        "starts": f"{starts:%Y-%m-%d}",
        "handoff": f"{starts:%H:%M}",
    }
    config = ScheduleConfig.model_validate({"timezone": zone, "layers": [layer]})
    rotation = calendar(config)
    first = rotation.next_change(at("2025-12-01T00:00+00:00"))
    seen = [names[0]]
    assert rotation.at(first) == (names[0],)
    for moment in list(changes(rotation, first, first + timedelta(days=100)))[:60]:
        (before,) = rotation.at(moment - timedelta(seconds=1))
        (after,) = rotation.at(moment)
        assert before == seen[-1]
        # A turn that begins and ends in the hour that is skipped is nobody's.
        assert (names.index(after) - names.index(before)) % people in {1, 2 % people}
        seen.append(after)
