"""What belongs to this machine alone: the keeper, which starts commands and outlives everybody."""

import asyncio
import os
import signal
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from shared.connectors.claim import Limits
from shared.connectors.local import LocalConnector, keeper, keeping
from shared.connectors.protocol import Lost, TargetUnreachableError, TargetUnusableError
from tests.connectors.conftest import Heard, in_session, job, living, parent, until


@pytest.fixture
async def here(tmp_path):
    """A connector to this machine."""
    connector = LocalConnector(tmp_path / "steps")
    yield connector
    await connector.close()


def keeper_of(folder, sent) -> int:
    return int((folder / "steps" / sent.key / "started").read_text().split()[0])


async def test_one_keeper_serves_all_commands_of_a_connector(here, tmp_path):
    jobs = [job(f"echo {i}; exit {i}") for i in range(12)]
    ended = await asyncio.gather(*(here.run(each) for each in jobs))
    assert [(each.stdout, each.exit_code) for each in ended] == [(f"{i}\n", i) for i in range(12)]
    assert len({keeper_of(tmp_path, each) for each in jobs}) == 1


async def test_a_keeper_leaves_when_nobody_needs_it(tmp_path):
    connector, sent = LocalConnector(tmp_path / "steps"), job("true")
    await connector.run(sent)
    keeper = keeper_of(tmp_path, sent)
    await connector.close()
    assert in_session(keeper) == []


@pytest.fixture
def impatient(tmp_path, monkeypatch):
    """Keepers that leave as soon as they have nothing to do."""
    text = Path(keeper.__file__).read_text()
    text = text.replace(f"IDLE: Final = {keeper.IDLE}", "IDLE: Final = 0.1")
    (tmp_path / "keeper.py").write_text(text)
    standby = tmp_path / keeping._PROGRAM.name
    standby.write_text(keeping._PROGRAM.read_text())
    monkeypatch.setattr(keeping, "_PROGRAM", standby)


async def test_a_keeper_with_nothing_to_do_leaves_and_another_one_comes(tmp_path, impatient):
    connector, sent = LocalConnector(tmp_path / "steps"), job("sleep 0.5; echo patient")
    assert (await connector.run(sent)).stdout == "patient\n"
    first = keeper_of(tmp_path, sent)
    # Collected as well: it is not even a zombie.
    await until(lambda: not Path(f"/proc/{first}").exists())
    assert (await connector.run(job("echo again"))).stdout == "again\n"
    await connector.close()


async def test_a_keeper_that_was_killed_is_replaced(here, tmp_path):
    first, second, third = job("true"), job("echo again"), job("true")
    await here.run(first)
    os.kill(keeper_of(tmp_path, first), signal.SIGKILL)
    assert (await here.run(second)).stdout == "again\n"
    await here.run(third)
    assert keeper_of(tmp_path, first) != keeper_of(tmp_path, third)


def kill(process):
    os.kill(process, signal.SIGKILL)


@pytest.fixture
async def running(here, tmp_path):
    """A command that counts its runs and goes on until it is told to end, with exit code 7."""
    sent = job(
        f"echo ran >>'{tmp_path}/count'; echo begun\n"
        f"until [ -e '{tmp_path}/go-on' ]; do sleep 0.05; done; echo more; exit 7"
    )
    task = asyncio.create_task(here.run(sent))
    await until(lambda: (tmp_path / "count").exists() and (tmp_path / "count").read_text())
    return sent, task


async def test_what_a_killed_keeper_kept_ends_with_its_exit_code(here, tmp_path, running):
    sent, task = running
    kill(keeper_of(tmp_path, sent))
    (tmp_path / "go-on").touch()
    ended = await task
    assert (ended.exit_code, ended.stdout) == (7, "begun\nmore\n")
    assert ended.usage.memory > 0
    assert (await here.reattach(sent)).exit_code == 7
    assert (tmp_path / "count").read_text() == "ran\n"


async def test_it_also_ends_so_when_whoever_asked_for_it_is_gone(tmp_path, running):
    sent, task = running
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    kill(keeper_of(tmp_path, sent))
    another = LocalConnector(tmp_path / "steps")
    found = asyncio.create_task(another.reattach(sent))
    (tmp_path / "go-on").touch()
    assert (await found).exit_code == 7
    await another.close()


async def test_commands_that_end_together_with_their_keeper_are_not_lost(here, tmp_path):
    jobs = [job(f"echo $$ >'{tmp_path}/{i}'; sleep 0.{i}; exit {i}") for i in range(8)]
    tasks = [asyncio.create_task(here.run(each)) for each in jobs]
    await until(lambda: all((tmp_path / str(i)).exists() for i in range(8)))
    kill(keeper_of(tmp_path, jobs[0]))
    assert [(await task).exit_code for task in tasks] == list(range(8))


async def test_the_timeout_of_what_a_killed_keeper_kept_is_kept(here, tmp_path):
    sent = job(
        f"trap 'echo asked' TERM; touch '{tmp_path}/begun'; sleep 60 & wait; wait", seconds=2
    )
    task = asyncio.create_task(here.run(sent))
    await until((tmp_path / "begun").exists)
    kill(keeper_of(tmp_path, sent))
    ended = await task
    assert (ended.exit_code, ended.timed_out, ended.stdout) == (124, True, "asked\n")


async def test_what_a_killed_keeper_kept_can_be_cancelled(here, tmp_path, running):
    sent, task = running
    kill(keeper_of(tmp_path, sent))
    assert await here.cancel(sent.key)
    ended = await task
    assert (ended.cancelled, ended.exit_code) == (True, 143)


async def test_an_output_that_grew_while_its_keeper_died_is_held_to_its_limit(tmp_path):
    limits = Limits(kept=1000, file=200_000)
    connector = LocalConnector(tmp_path / "steps", limits=limits)
    sent = job(f"touch '{tmp_path}/begun'; yes | head -c 3000000; sleep 2; echo end")
    task = asyncio.create_task(connector.run(sent))
    await until((tmp_path / "begun").exists)
    kill(keeper_of(tmp_path, sent))
    ended = await task
    assert ended.stdout.endswith("end\n")
    assert (tmp_path / "steps" / sent.key / "stdout").stat().st_size <= 200_000
    await connector.close()


async def test_what_was_kept_by_nobody_any_more_is_lost_and_not_run_again(here, tmp_path, running):
    sent, task = running
    keeper = keeper_of(tmp_path, sent)
    kill(parent(keeper))
    kill(keeper)
    assert isinstance(await task, Lost)
    assert isinstance(await here.run(sent), Lost)
    assert await here.cancel(sent.key)
    assert (tmp_path / "count").read_text() == "ran\n"


async def test_a_keeper_goes_on_without_its_standby(here, tmp_path, running):
    sent, task = running
    kill(parent(keeper_of(tmp_path, sent)))
    (tmp_path / "go-on").touch()
    assert (await task).exit_code == 7
    assert (await here.run(job("exit 3"))).exit_code == 3


async def test_daemons_that_commands_leave_behind_are_collected(here, tmp_path):
    sent = job("(sleep 0.2 & echo $! )")
    daemon = int((await here.run(sent)).stdout)
    await until(lambda: not Path(f"/proc/{daemon}").exists())
    assert (await here.run(job("exit 3"))).exit_code == 3


async def test_a_standby_leaves_with_the_last_command_and_is_collected(here, tmp_path, running):
    sent, task = running
    keeper = keeper_of(tmp_path, sent)
    standby = parent(keeper)
    kill(keeper)
    (tmp_path / "go-on").touch()
    await task
    await until(lambda: not Path(f"/proc/{standby}").exists())


async def test_the_keeper_is_not_stopped_by_what_stops_the_executor(here, tmp_path):
    go_on = tmp_path / "go-on"
    sent, heard = job(f"echo begun; until [ -e '{go_on}' ]; do sleep 0.05; done"), Heard()
    running = asyncio.create_task(here.run(sent, on_output=heard))
    await until(lambda: heard.text("stdout") == "begun\n")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(keeper_of(tmp_path, sent), number)
    go_on.touch()
    assert (await running).exit_code == 0


async def test_commands_do_not_inherit_what_the_keeper_ignores(here):
    ended = await here.run(job("grep SigIgn /proc/self/status"))
    # The two above 31 are the C library's own.
    assert int(ended.stdout.split()[1], 16) & 0x7FFF_FFFF == 0


async def test_a_keeper_that_cannot_start_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    connector = LocalConnector(tmp_path / "steps")
    with pytest.raises(TargetUnreachableError, match="no process can be started here") as caught:
        await connector.run(job("true"))
    assert caught.value.may_have_started is False
    await connector.close()


async def test_a_keeper_that_dies_each_time_is_told_and_nothing_has_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    connector = LocalConnector(tmp_path / "steps")
    with pytest.raises(TargetUnusableError, match="what keeps commands here dies"):
        await connector.run(job("true"))
    await connector.close()


async def test_the_most_memory_of_a_run_is_told(here):
    ended = await here.run(job("head -c 30000000 /dev/zero | tail -c 29000000 >/dev/null"))
    assert 20_000_000 < ended.usage.memory < 2_000_000_000


async def test_an_environment_reaches_the_commands_and_no_file(tmp_path):
    connector = LocalConnector(tmp_path / "steps", environment={"TOKEN": "correct horse"})
    ended = await connector.run(job("[ \"$TOKEN\" = 'correct'' horse' ] && echo same"))
    assert ended.stdout == "same\n"
    assert (await connector.read("echo $TOKEN", timeout=timedelta(seconds=30))).stdout
    await connector.close()
    files = (path for path in (tmp_path / "steps").rglob("*") if path.is_file())
    assert not [path for path in files if "correct horse" in path.read_text()]


async def test_a_look_that_nobody_waits_for_is_ended_and_its_folder_removed(
    here, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    marker = f"{tmp_path}/reading"
    looking = asyncio.create_task(
        here.read(f"sh -c 'sleep 60; :' '{marker}' & wait", timeout=timedelta(seconds=60))
    )
    await until(lambda: living(marker))
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    await until(lambda: not living(marker) and not [*tmp_path.glob("handrail-read-*")])


async def test_a_source_lies_beside_the_command(here):
    ended = await here.run(job('cat "$0/source"'), source=b"a\0b")
    assert ended.stdout == "a\0b"


async def test_a_look_that_can_write_nowhere_is_told(here, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(TargetUnusableError, match="no file can be written here"):
        await here.read("true", timeout=timedelta(seconds=30))


async def test_a_command_that_was_started_is_never_told_as_one_that_was_not(here, tmp_path):
    sent = job(f"echo ran >>'{tmp_path}/count'")
    folder = tmp_path / "steps" / sent.key
    # What the keeper writes once the command runs has no place there.
    (folder / "group").mkdir(parents=True)
    (folder / "command").write_text(sent.command)
    told = await here._keeping.run(
        folder, owner="me", seconds=30, limit=1000, head=500, quick=False
    )
    assert (told.failed, told.code) == ("", 0)
    assert (tmp_path / "count").read_text() == "ran\n"
