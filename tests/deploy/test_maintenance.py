"""Maintenance windows on the command line: made, shown, asked for, ended."""

import json
from datetime import UTC, datetime, timedelta

import pytest

CONFIG = """\
maintenance:
  - name: backups
    reason: the backups run
    matchers: ['job="backup"']
    starts: 2026-01-04 02:00
    duration: 8d
    rrule: FREQ=WEEKLY;BYDAY=SU
    timezone: Europe/Berlin
  - name: move
    reason: the database moved
    when: 'labels.host == "db-1"'
    starts: 2026-01-04T02:00:00Z
    ends: 2026-01-04T04:00:00Z
"""


@pytest.fixture
def maintenance(stored, tmp_path, monkeypatch, handrail):
    """Runs a command of the group, where handrail.yaml has two windows."""
    path = tmp_path / "handrail.yaml"
    path.write_text(CONFIG)
    monkeypatch.setenv("HANDRAIL_CONFIG", str(path))

    def run(*arguments, code=0):
        return handrail("maintenance", *arguments, code=code)

    return run


def told(result):
    return json.loads(result.stdout)


def added(maintenance, *more):
    return told(
        maintenance(
            "add", "--match", 'host="db-9"', "--for", "2h", "--reason", "disk", *more, "--json"
        )
    )


def test_a_window_is_made_listed_and_ended(maintenance):
    made = added(maintenance, "--name", "disk-swap")
    assert (made["name"], made["active"], made["matchers"]) == ("disk-swap", True, ['host="db-9"'])
    ends = datetime.fromisoformat(made["until"])
    assert timedelta(hours=1, minutes=50) < ends - datetime.now(UTC) <= timedelta(hours=2)
    assert made["id"] in [one["id"] for one in told(maintenance("list", "--json"))]
    assert told(maintenance("end", "disk-swap", "--json"))["over"]
    assert made["id"] not in [one["id"] for one in told(maintenance("list", "--json"))]
    past = {one["name"]: one for one in told(maintenance("list", "--past", "--json"))}
    assert past["disk-swap"]["ended_at"]
    assert past["disk-swap"]["note"].startswith("ended by")


def test_a_window_needs_no_name_and_can_begin_later(maintenance):
    later = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    made = added(maintenance, "--from", later)
    assert made["name"] == f"ad-hoc-{made['id'][:8]}"
    assert not made["active"]
    assert datetime.fromisoformat(made["next_at"]) == datetime.fromisoformat(later)
    shown = maintenance("end", made["id"][:8]).stdout
    assert f"{made['name']} is over." in shown


def test_a_time_of_day_is_the_next_one_here(maintenance):
    made = added(maintenance, "--from", "02:00")
    starts = datetime.fromisoformat(made["next_at"]).astimezone()
    assert (starts.hour, starts.minute) == (2, 0)
    assert timedelta(0) < starts - datetime.now(UTC) <= timedelta(hours=25)


def test_windows_of_the_file_are_listed_with_what_is_odd(maintenance):
    shown = maintenance("list").stdout
    assert "backups" in shown
    assert "handrail.yaml" in shown
    assert "it begins again before it ends" in shown
    assert "move" not in shown
    assert "move" in maintenance("list", "--past").stdout


def test_the_window_that_covers_an_alert_is_told(maintenance):
    added(maintenance, "--name", "disk-swap")
    covered = maintenance("check", "--label", "host=db-9", "--name", "DiskFull").stdout
    assert "disk-swap covers it until" in covered
    assert "No maintenance window covers it" in maintenance("check", "--label", "host=web").stdout


def test_which_window_covers_an_alert_at_another_time_is_told(maintenance):
    at = "2026-01-04T03:00:00+00:00"
    answered = told(maintenance("check", "--label", "host=db-1", "--at", at, "--json"))
    assert answered["covered_by"]["name"] == "move"
    later = told(maintenance("check", "--label", "host=db-1", "--json"))
    assert later["covered_by"] is None
    ahead = maintenance("check", "--label", "job=backup", "--at", "2026-01-01T00:00Z").stdout
    assert "backups is for such alerts: it is on next at 2026-01-04" in ahead


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--for", "2h"], "--reason"),
        (["--for", "2h", "--reason", "x"], "say which alerts: --match, --when, or --all"),
        (["--for", "2x", "--reason", "x", "--all"], "--for"),
        (["--for", "0s", "--reason", "x", "--all"], "longer than nothing"),
        (["--for", "2h", "--reason", "x", "--match", "host"], "--match"),
        (["--for", "2h", "--reason", "x", "--when", "host =="], "--when"),
        (["--for", "2h", "--reason", "x", "--all", "--from", "soon"], "is no time"),
        (["--for", "2h", "--reason", "x", "--all", "--from", "2020-01-01T00:00Z"], "over already"),
        (["--for", "2h", "--reason", "", "--all"], "--reason"),
        (["--for", "2h", "--reason", "x", "--all", "--match", "a=b"], "say which alerts"),
    ],
)
def test_what_is_no_window_is_refused(maintenance, arguments, what):
    assert what in maintenance("add", *arguments, code=2).stderr


def test_a_name_that_is_taken_is_refused(maintenance):
    added(maintenance, "--name", "disk-swap")
    arguments = ("add", "--all", "--for", "1h", "--reason", "x", "--name", "disk-swap")
    assert "there is a maintenance window" in maintenance(*arguments, code=1).stderr


def test_a_window_of_the_file_cannot_be_ended_here(maintenance):
    assert "handrail.yaml is ended there" in maintenance("end", "backups", code=1).stderr


def test_windows_of_the_file_are_shown_where_nothing_runs(maintenance, monkeypatch):
    monkeypatch.delenv("HANDRAIL_MONGO_URL")
    listed = maintenance("list", "--json")
    assert [one["name"] for one in told(listed)] == ["backups"]
    assert "not running here" in listed.stderr
