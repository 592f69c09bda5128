"""How other commands find what runs."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from deploy.connection import NotRunningError, Place
from deploy.runfile import AlreadyRunningError, Run, RunningService, announced, found, only_one


def a_run(pid: int) -> Run:
    return Run(
        pid=pid,
        started_at=datetime.now(UTC),
        nats_url="nats://127.0.0.1:1",
        mongo_url="mongodb://127.0.0.1:2",
        public_url="http://127.0.0.1:8081",
        config=None,
        services={"ingest": RunningService(url="http://127.0.0.1:3", port=3, pid=pid)},
        servers={"mongod": None},
    )


def test_what_runs_is_found_as_long_as_it_runs(tmp_path):
    run = a_run(os.getpid())

    with announced(tmp_path, run):
        assert found(tmp_path) == run

    assert found(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_may_read_where_it_runs(tmp_path):
    with announced(tmp_path, a_run(os.getpid())):
        assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600


def test_what_was_killed_without_a_chance_to_say_is_not_found(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    with announced(tmp_path, a_run(gone.pid)):
        assert found(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_a_file_that_is_no_such_file_counts_as_nothing_running(tmp_path, text):
    (tmp_path / "run.json").write_text(text)

    assert found(tmp_path) is None


def test_the_second_in_a_home_is_told_who_the_first_is(tmp_path):
    with (
        only_one(tmp_path),
        announced(tmp_path, a_run(os.getpid())),
        pytest.raises(AlreadyRunningError, match=rf"already \(process {os.getpid()}\)"),
        only_one(tmp_path),
    ):
        pytest.fail("both run")


def test_after_the_first_another_one_may_run(tmp_path):
    ran = []
    for name in ("first", "second"):
        with only_one(tmp_path):
            ran.append(name)
    assert ran == ["first", "second"]


def test_settings_go_before_what_was_noted(tmp_path):
    environment = {"HANDRAIL_HOME": str(tmp_path), "HANDRAIL_MONGO_URL": "mongodb://elsewhere"}
    with announced(tmp_path, a_run(os.getpid())):
        place = Place.of(environment)

    assert place.mongo == "mongodb://elsewhere"
    assert place.nats == "nats://127.0.0.1:1"


def test_where_nothing_runs_it_is_said_what_to_start_or_set(tmp_path):
    place = Place.of({"HANDRAIL_HOME": str(tmp_path)})

    said = str(place.missing("HANDRAIL_NATS_URL"))

    assert place.nats is None
    assert isinstance(place.missing("X"), NotRunningError)
    assert str(tmp_path) in said
    assert "handrail up" in said
    assert "HANDRAIL_NATS_URL" in said
