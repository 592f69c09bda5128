"""Watched child processes, with small programs of our own."""

import asyncio
import os
import signal
import sys
from datetime import timedelta

import pytest

from deploy import supervisor
from deploy.supervisor import Child, ChildFailedError, started_together, stopped_together
from tests.deploy.conditions import alive, until

LIVES = "import time, pathlib; pathlib.Path('{marker}').touch(); time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVES
FAILS = "import sys; print('the disk is full'); sys.exit(3)"


@pytest.fixture
def child(tmp_path):
    """Makes children that are ready once they have touched a file."""

    def make(name, program=LIVES, *, owns=None, environment=None):
        marker = tmp_path / f"{name}.ready"

        async def ready() -> bool:
            return marker.exists()

        command = (sys.executable, "-S", "-c", program.format(marker=marker))
        log = tmp_path / "log" / f"{name}.log"
        return Child(name, command, output=log, ready=ready, owns=owns, environment=environment)

    return make


async def test_a_started_child_is_ready_and_a_stopped_one_is_gone(child, tmp_path):
    watched = child("one")

    await watched.start()
    pid = watched.pid
    assert (tmp_path / "one.ready").exists()
    assert alive(pid)
    await watched.stop()

    assert not alive(pid)


async def test_a_child_that_dies_is_started_again(child):
    watched = child("one")
    await watched.start()
    first = watched.pid

    os.kill(first, signal.SIGKILL)

    await until(lambda: watched.restarts == 1 and watched.pid != first)
    assert alive(watched.pid)
    await watched.stop()


async def test_a_child_that_keeps_dying_is_tried_again_with_growing_pauses(child, monkeypatch):
    monkeypatch.setattr(supervisor, "RESTART_PAUSE", timedelta(seconds=0.01))
    watched = child("one", program=LIVES.replace("time.sleep(600)", "time.sleep(0.01)"))
    await watched.start()

    await until(lambda: watched.restarts >= 3)

    await watched.stop()
    assert not alive(watched.pid)


async def test_a_child_that_ends_while_it_starts_is_told_with_its_last_words(child):
    with pytest.raises(ChildFailedError, match=r"one ended while it started; .*the disk is full"):
        await child("one", program=FAILS).start()


async def test_a_program_that_is_not_there_is_told(tmp_path):
    async def never() -> bool:
        return False

    missing = Child("one", (str(tmp_path / "none"),), output=tmp_path / "log", ready=never)

    with pytest.raises(ChildFailedError, match="one cannot be started"):
        await missing.start()


async def test_a_child_that_is_never_ready_is_given_up_and_killed(child, monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "START_TIMEOUT", timedelta(seconds=0.5))
    watched = child("one", program=LIVES.replace("'{marker}'", "'{marker}.not'"))

    with pytest.raises(ChildFailedError, match="did not become ready"):
        await watched.start()

    assert not alive(watched.pid)


async def test_a_start_that_is_cancelled_leaves_no_process(child):
    watched = child("one", program=LIVES.replace("'{marker}'", "'{marker}.not'"))
    starting = asyncio.create_task(watched.start())
    await until(lambda: watched.pid is not None)

    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)

    assert not alive(watched.pid)


async def test_a_child_that_does_not_listen_is_killed(child, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT", timedelta(seconds=0.2))
    watched = child("one", program=DEAF)
    await watched.start()

    await watched.stop()

    assert not alive(watched.pid)


async def test_data_that_a_process_still_has_open_is_waited_for(child, tmp_path):
    data = tmp_path / "data"
    first, second = child("one", owns=data), child("two", owns=data)
    await first.start()
    starting = asyncio.create_task(second.start())
    done, _ = await asyncio.wait({starting}, timeout=0.5)
    assert not done
    assert second.pid is None

    await first.stop()
    await starting

    assert alive(second.pid)
    await second.stop()


async def test_data_that_stays_open_is_told(child, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT", timedelta(seconds=0.2))
    data = tmp_path / "data"
    first, second = child("one", owns=data), child("two", owns=data)
    await first.start()

    with pytest.raises(ChildFailedError, match=r"another process holds .*data\.lock"):
        await second.start()

    await first.stop()


async def test_when_one_of_several_fails_the_failure_is_told_and_the_rest_can_be_stopped(child):
    children = [child("one"), child("two", program=FAILS)]

    with pytest.raises(ChildFailedError, match="two ended"):
        await started_together(children)

    await stopped_together(children)
    assert not any(alive(one.pid) for one in children)


async def test_the_environment_reaches_the_child(child, tmp_path):
    program = "import os; print(os.environ['HANDRAIL_X'], flush=True); " + LIVES
    watched = child("one", program=program, environment={"HANDRAIL_X": "seen"})

    await watched.start()
    await watched.stop()

    assert (tmp_path / "log" / "one.log").read_text() == "seen\n"


async def test_a_log_that_grew_too_long_is_put_aside(child, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_SIZE", 3)
    log = tmp_path / "log" / "one.log"
    log.parent.mkdir()
    log.write_text("long")
    watched = child("one")

    await watched.start()
    await watched.stop()

    assert log.read_text() == ""
    assert log.with_name("one.log.1").read_text() == "long"
