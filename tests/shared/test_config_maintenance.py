"""Maintenance windows in handrail.yaml: what is read, and what is told of mistakes."""

from datetime import UTC, datetime, timedelta
from textwrap import indent

import pytest

from shared.config import load_config
from shared.recurrence import Once, Recurring
from shared.yamlsource import SourceError

WEEKLY = """\
name: backups
reason: the backups run
matchers: ['job="backup"']
starts: 2026-01-04 02:00
duration: 4h
rrule: FREQ=WEEKLY;BYDAY=SU
timezone: Europe/Berlin
"""
ONCE = """\
name: move
reason: the database moves
when: 'labels.host.startsWith("db-")'
starts: 2026-11-22T02:00:00+01:00
ends: 2026-11-22T04:00:00+01:00
"""


@pytest.fixture
def read(tmp_path):
    def read(*windows):
        items = "".join(f"  -{indent(window, '    ')[3:]}" for window in windows)
        path = tmp_path / "handrail.yaml"
        path.write_text(f"maintenance:\n{items}")
        return load_config(path).maintenance

    return read


def changed(window, **fields):
    """The window with other fields; None leaves one out."""
    lines = dict(line.split(": ", 1) for line in window.splitlines())
    lines |= {name.rstrip("_"): value for name, value in fields.items()}
    return "".join(f"{name}: {value}\n" for name, value in lines.items() if value is not None)


def test_windows_that_come_once_and_again_are_read(read):
    weekly, once = read(WEEKLY, ONCE)
    schedule = weekly.schedule()
    assert isinstance(schedule, Recurring)
    assert (schedule.first.hour, schedule.length) == (2, timedelta(hours=4))
    assert isinstance(once.schedule(), Once)
    assert once.schedule().span.starts == datetime(2026, 11, 22, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts", "hour"),
    [
        ("2026-07-05 02:00", 0),
        ("2026-07-05T02:00:00", 0),
        ("2026-07-05T02:00:00+02:00", 0),
        ("2026-07-05T02:00:00Z", 2),
        ("2026-07-05", 22),
    ],
)
def test_a_time_without_an_offset_is_of_the_time_zone(read, starts, hour):
    (window,) = read(changed(ONCE, starts=starts, timezone="Europe/Berlin"))
    assert window.schedule().span.starts.hour == hour


def test_a_window_for_all_alerts_says_so(read):
    (window,) = read(changed(ONCE, when=None, all="true"))
    assert window.all


@pytest.mark.parametrize(
    ("window", "fields", "told"),
    [
        (ONCE, {"when": None}, "2:5: maintenance.0: say which alerts it is for"),
        (ONCE, {"all_": "true"}, "say which alerts it is for, with `matchers` or `when`, or"),
        (ONCE, {"when": "labels.host ="}, "4:5: maintenance.0.when: at character"),
        (ONCE, {"when": "host == 'x'"}, "host is not known here"),
        (ONCE, {"matchers": "['host=\"x']"}, "maintenance.0.matchers.0: 'host=\"x' is no matcher"),
        (ONCE, {"ends": "2026-11-22T01:00:00+01:00"}, "before it starts"),
        (ONCE, {"ends": None}, "say `ends` for a window that comes once, or `duration`, `rrule`"),
        (ONCE, {"duration": "2h"}, "`duration` and `exdates` do not go with `ends`"),
        (ONCE, {"rrule": "FREQ=DAILY"}, "say `ends` for a window that comes once"),
        (
            ONCE,
            {"starts": "2026-11-22T02:00:00"},
            "has no offset: write it with one, as 2026-11-22",
        ),
        (ONCE, {"starts": "20"}, "maintenance.0.starts: 20 is no time"),
        (ONCE, {"starts": "tonight"}, "'tonight' is no time, such as 2026-11-22T02:00:00+01:00"),
        (ONCE, {"reason": None}, "maintenance.0.reason: is missing"),
        (ONCE, {"until": "later"}, "there is no such field"),
        (WEEKLY, {"duration": None}, "`duration` is missing"),
        (WEEKLY, {"timezone": None, "starts": "2026-01-04T02:00:00Z"}, "`timezone` is missing"),
        (WEEKLY, {"timezone": "Mars/Olympus"}, "there is no time zone 'Mars/Olympus'"),
        (WEEKLY, {"timezone": "../../etc/passwd"}, "there is no time zone"),
        (WEEKLY, {"rrule": "FREQ=WEEKLY;BYDAY=SO"}, "7:5: maintenance.0.rrule: BYDAY=SO: 'SO' is"),
        (WEEKLY, {"rrule": "FREQ=MONTHLY;BYDAY=6MO"}, "it never happens (within 50 years)"),
        (WEEKLY, {"rrule": "FREQ=HOURLY;INTERVAL=24;BYHOUR=3"}, "it never happens"),
        (WEEKLY, {"rrule": "FREQ=DAILY;UNTIL=20250101"}, "it never happens"),
        (
            WEEKLY,
            {"rrule": "FREQ=WEEKLY;COUNT=1", "exdates": "[2026-01-04]"},
            "by its `rrule` and `exdates` it never happens",
        ),
        (WEEKLY, {"exdates": "[2026-12-28]"}, "exdates: it would not begin at 2026-12-28 anyway"),
        (WEEKLY, {"exdates": "[soon]"}, "maintenance.0.exdates.0: 'soon' is no time"),
        (WEEKLY, {"duration": "4 hours"}, "'4 hours' is no duration"),
    ],
)
def test_a_mistake_is_told_with_its_place(read, window, fields, told):
    with pytest.raises(SourceError) as refused:
        read(changed(window, **fields))
    assert told in str(refused.value)


def test_two_windows_with_one_name_are_refused(read):
    with pytest.raises(SourceError, match="the window 'move' is there twice"):
        read(ONCE, ONCE)


def test_a_window_may_last_longer_than_until_it_begins_again(read):
    (window,) = read(changed(WEEKLY, duration="8d"))
    assert window.schedule().overlaps()


def test_days_and_times_are_taken_out(read):
    (window,) = read(changed(WEEKLY, exdates="[2026-01-11, 2026-01-18 02:00]"))
    schedule = window.schedule()
    spans = schedule.spans(schedule.first)
    assert [next(spans).starts.day for _ in range(2)] == [4, 25]
