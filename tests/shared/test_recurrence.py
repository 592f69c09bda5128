"""When something goes on: by a plain expansion of its rule, and where the clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.recurrence import Once, Recurring, Span, instant
from shared.rrules import rrule_of

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


def recurring(rule, first, *, hours=1.0, zone=BERLIN, without=()):
    return Recurring(rrule_of(rule), first, zone, timedelta(hours=hours), frozenset(without))


def wall(shown):
    """What a clock shows."""
    return datetime.fromisoformat(shown)


def berlin(*parts, fold=0):
    return datetime(*parts, tzinfo=BERLIN, fold=fold)


def begins(schedule, after, number):
    return [span.starts.astimezone(BERLIN) for span in islice(schedule.spans(after), number)]


def test_what_comes_once_goes_on_from_its_start_to_before_its_end():
    once = Once(Span(datetime(2026, 3, 1, 2, tzinfo=UTC), datetime(2026, 3, 1, 4, tzinfo=UTC)))
    before = once.outlook(once.span.starts - timedelta(microseconds=1))
    assert (before.ends, before.next_at) == (None, once.span.starts)
    during = once.outlook(once.span.starts)
    assert (during.ends, during.next_at, during.changes_at) == (
        once.span.ends,
        None,
        once.span.ends,
    )
    assert once.outlook(once.span.ends).over


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        # The hour from two to three is not there on the second day: it is three by the clock.
        (wall("2026-03-28 02:30"), ["28 02:30 +0100", "29 03:30 +0200", "30 02:30 +0200"]),
        # It is there twice: the first one counts.
        (wall("2026-10-24 02:30"), ["24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"]),
        (wall("2026-10-24 04:00"), ["24 04:00 +0200", "25 04:00 +0100", "26 04:00 +0100"]),
    ],
)
def test_what_begins_at_an_hour_begins_at_it_in_summer_and_in_winter(first, expected):
    schedule = recurring("FREQ=DAILY", first)
    found = [at.strftime("%d %H:%M %z") for at in begins(schedule, first, 3)]
    assert found == expected


@pytest.mark.parametrize(
    ("day", "end"),
    [(date(2026, 3, 29), "06:00 +0200"), (date(2026, 10, 25), "04:00 +0100")],
)
def test_it_lasts_as_long_when_the_clocks_change_meanwhile(day, end):
    schedule = recurring("FREQ=DAILY", wall("2026-01-01 01:00"), hours=4)
    outlook = schedule.outlook(berlin(day.year, day.month, day.day, 1, 30))
    assert outlook.ends.astimezone(BERLIN).strftime("%H:%M %z") == end


def test_a_time_that_comes_twice_is_covered_once():
    schedule = recurring("FREQ=DAILY", wall("2026-01-01 02:00"), hours=1)
    assert schedule.outlook(berlin(2026, 10, 25, 2, 30)).ends is not None
    assert schedule.outlook(berlin(2026, 10, 25, 2, 30, fold=1)).ends is None


def test_what_is_earlier_though_the_clock_shows_later_is_not_missed():
    # Half past two is not there, and so is half past three; three o'clock is before that.
    rule = "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=29;BYHOUR=2,3;BYMINUTE=0,30;BYSETPOS=2,3"
    schedule = recurring(rule, wall("2026-01-01 00:00"), hours=0.25)
    outlook = schedule.outlook(berlin(2026, 3, 1))
    assert outlook.changes_at <= berlin(2026, 3, 29, 3)
    assert schedule.outlook(outlook.changes_at).next_at == berlin(2026, 3, 29, 3)


def test_it_does_not_happen_on_days_and_at_times_that_are_taken_out():
    first = wall("2026-12-20 02:00")
    taken_out = [date(2026, 12, 27), instant(wall("2027-01-03 02:00"), BERLIN)]
    schedule = recurring("FREQ=WEEKLY", first, without=taken_out)
    assert [at.day for at in begins(schedule, first, 2)] == [20, 10]
    plain = recurring("FREQ=WEEKLY", first)
    assert all(plain.happens(at) for at in taken_out)
    assert not plain.happens(date(2026, 12, 28))
    assert not plain.happens(instant(wall("2027-01-03 03:00"), BERLIN))


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("20260303", [1, 2, 3]),
        ("20260303T020000", [1, 2, 3]),
        ("20260303T010000Z", [1, 2, 3]),
        ("20260303T005959Z", [1, 2]),
    ],
)
def test_the_last_time_is_the_one_at_or_before_until(until, days):
    first = wall("2026-03-01 02:00")
    schedule = recurring(f"FREQ=DAILY;UNTIL={until}", first)
    assert [at.day for at in begins(schedule, first, 9)] == days
    assert schedule.outlook(berlin(2026, 3, 9, 2)).over


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=WEEKLY;BYDAY=SU;BYSETPOS=9",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
    ],
)
def test_a_rule_that_never_holds_is_found_out(rule):
    assert recurring(rule, wall("2026-01-04 02:00")).outlook(berlin(2026, 1, 1)).over


def test_a_rare_day_is_waited_for():
    schedule = recurring("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU", wall("2026-01-04 02:00"))
    assert schedule.outlook(berlin(2026, 1, 5)).next_at == berlin(2032, 2, 29, 2)


@pytest.mark.parametrize(("hours", "overlaps"), [(24, False), (25, True)])
def test_what_begins_again_before_it_ends_is_found_out(hours, overlaps):
    schedule = recurring("FREQ=DAILY", wall("2026-01-04 02:00"), hours=hours, zone=ZoneInfo("UTC"))
    assert schedule.overlaps() is overlaps


WEEKDAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1)
FIRST = st.datetimes(wall("2020-01-01 00:00"), wall("2026-12-31 00:00")).map(
    lambda at: at.replace(microsecond=0)
)


@st.composite
def rules(draw):
    """Rules of every frequency that happen often enough for a plain expansion."""
    frequency = draw(st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 5))}"]
    if draw(st.booleans()):
        parts.append("BYDAY=" + ",".join(dict.fromkeys(draw(WEEKDAYS))))
        if frequency == "WEEKLY" and draw(st.booleans()):
            parts.append(f"BYSETPOS={draw(st.sampled_from([1, -1, 2]))}")
    if draw(st.booleans()):
        months = draw(st.lists(st.integers(1, 12), min_size=3, max_size=8, unique=True))
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    if frequency != "HOURLY" and draw(st.booleans()):
        hours = draw(st.lists(st.integers(0, 23), min_size=1, max_size=3, unique=True))
        parts.append("BYHOUR=" + ",".join(map(str, hours)))
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(['MO', 'SU', 'WE']))}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 400))}")
    return ";".join(parts)


@given(
    rules(),
    FIRST,
    st.integers(1, 60 * 24 * 9),
    st.integers(-60 * 24 * 30, 60 * 24 * 365 * 3),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]),
)
@settings(max_examples=150, deadline=None)
def test_what_goes_on_is_what_a_plain_expansion_says(rule, first, minutes, later, zone_name):
    zone, length = ZoneInfo(zone_name), timedelta(minutes=minutes)
    now = instant(first, zone) + timedelta(minutes=later)
    schedule = Recurring(rrule_of(rule), first, zone, length)
    # Within so long after, the next one is looked for; rules this sparse may have none.
    horizon = now.replace(tzinfo=None) + timedelta(days=800)
    expanded = []
    for at in rrulestr(rule, dtstart=first):
        if at > horizon:
            break
        expanded.append(instant(at, zone))
    outlook = schedule.outlook(now)
    going_on = [starts + length for starts in expanded if starts <= now < starts + length]
    assert outlook.ends == max(going_on, default=None)
    ahead = min((starts for starts in expanded if starts > now), default=None)
    beyond = outlook.next_at is not None and outlook.next_at.replace(tzinfo=None) > horizon - DAY
    assert outlook.next_at == ahead or (ahead is None and beyond)
    # What it says holds until it changes.
    almost = min(outlook.changes_at - timedelta(microseconds=1), now + timedelta(days=300))
    again = [starts + length for starts in expanded if starts <= almost < starts + length]
    assert outlook.ends == max(again, default=None)
