"""What every connector promises, on this machine, behind OpenSSH and behind our own SSH server."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from shared.connectors.claim import Limits
from shared.connectors.protocol import Ended, Lost, TargetUnreachableError, TargetUnusableError
from shared.connectors.scripts import script
from tests.connectors.conftest import (
    SOON,
    Heard,
    group_of,
    in_session,
    job,
    kill_wrapper,
    living,
    until,
)


async def test_both_outputs_and_the_exit_code_come_back(target):
    ended = await target.connector().run(job("echo out; echo err >&2; exit 7"))
    assert ended == Ended(7, "out\n", "err\n")


@pytest.mark.parametrize(
    ("command", "stdout"),
    [
        ("true", ""),
        ("", ""),
        ("printf 'no line break'", "no line break"),
        ("""echo "it's" '"quoted"' `echo tick`""", 'it\'s "quoted" tick\n'),
        ("printf '%s\\n' a\\\\b '$HOME' \"\\$HOME\" '!x' '%d'", "a\\b\n$HOME\n$HOME\n!x\n%d\n"),
        ("echo one\necho two\n\n", "one\ntwo\n"),
        ("cat <<'END'\n  'a' \"b\" \\ $c `d`\nEND", "  'a' \"b\" \\ $c `d`\n"),
        ("# only a comment", ""),
        (
            "echo Grüße, 東京 🚀 \u0081\u0082\u0088ÁÂ\u00ad",
            "Grüße, 東京 🚀 \u0081\u0082\u0088ÁÂ\u00ad\n",
        ),
        ("printf '\\036handrail\\n\\n\\036ended 9 0 0 x 0 - 0 0 0 0\\n'", None),
        ("cat", ""),
    ],
)
async def test_a_command_arrives_as_it_is(target, command, stdout):
    sent = job(command)
    ended = await target.connector().run(sent)
    assert (target.claim(sent.key) / "command").read_bytes() == command.encode()
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == (
        "\x1ehandrail\n\n\x1eended 9 0 0 x 0 - 0 0 0 0\n" if stdout is None else stdout
    )


async def test_a_command_that_begins_with_dashes_is_no_option(target):
    ended = await target.connector().run(job("--help"))
    assert ended.exit_code == 127


async def test_a_command_longer_than_one_argument_may_be_arrives_whole(target):
    text = "long " * 60_000
    ended = await target.connector(Limits(kept=2 * len(text))).run(job(f"echo '{text}'"))
    assert ended.stdout == text + "\n"


async def test_a_signal_that_ends_the_command_is_its_exit_code(target):
    assert (await target.connector().run(job("kill -9 $$"))).exit_code == 137


async def test_the_command_can_be_interrupted_like_any_other(target):
    """A shell starts what runs in its background with SIGINT ignored, for good."""
    ended = await target.connector().run(job("trap 'echo interrupted' INT; kill -INT $$"))
    assert ended.stdout == "interrupted\n"


@pytest.fixture
def ignoring_interrupts():
    """As everything does that is started with nohup, or in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


async def test_the_command_can_be_interrupted_also_where_we_cannot(target, ignoring_interrupts):
    ended = await target.connector().run(job("trap 'echo interrupted' INT; kill -INT $$; exit 3"))
    assert (ended.stdout, ended.exit_code) == ("interrupted\n", 3)


async def test_bytes_that_are_no_text_are_replaced(target):
    ended = await target.connector().run(job("printf 'a\\377\\000b'"))
    assert ended.stdout == "a\ufffd\0b"


async def test_the_same_key_twice_at_once_runs_once(target):
    count = target.scratch / "count"
    sent = job(f"echo ran >>'{count}'; sleep 0.5; echo out; echo err >&2; exit 3")
    first, second = await asyncio.gather(target.connector().run(sent), target.connector().run(sent))
    assert count.read_text() == "ran\n"
    assert sorted([first.reattached, second.reattached]) == [False, True]
    for ended in (first, second):
        assert (ended.exit_code, ended.stdout, ended.stderr) == (3, "out\n", "err\n")


async def test_the_same_key_later_gets_the_same_result(target):
    count = target.scratch / "count"
    sent = job(f"echo ran | tee -a '{count}'; exit 3")
    await target.connector().run(sent)
    assert await target.connector().run(sent) == Ended(3, "ran\n", "", reattached=True)
    assert count.read_text() == "ran\n"


async def test_output_is_heard_before_the_command_ends(target):
    go_on, heard = target.scratch / "go-on", Heard()
    running = asyncio.create_task(
        target.connector().run(
            job(f"echo early; until [ -e '{go_on}' ]; do sleep 0.05; done; echo late"),
            on_output=heard,
        )
    )
    await until(lambda: heard.text("stdout") == "early\n")
    assert not running.done()
    go_on.touch()
    assert (await running).stdout == heard.text("stdout") == "early\nlate\n"


async def test_each_byte_is_heard_once_and_in_order(target):
    heard = Heard()
    command = "for i in 1 2 3 4 5 6 7 8; do echo ä$i; echo e$i >&2; sleep 0.12; done"
    ended = await target.connector().run(job(command), on_output=heard)
    assert ended.stdout == heard.text("stdout") == "".join(f"ä{i}\n" for i in range(1, 9))
    assert ended.stderr == heard.text("stderr") == "".join(f"e{i}\n" for i in range(1, 9))
    at = {"stdout": 0, "stderr": 0}
    for chunk in heard.chunks:
        assert chunk.offset == at[chunk.stream]
        at[chunk.stream] += len(chunk.text.encode())


async def test_who_attaches_hears_all_of_it_from_the_beginning(target):
    sent, heard = job("echo one; echo two >&2"), Heard()
    await target.connector().run(sent)
    await target.connector().run(sent, on_output=heard)
    assert (heard.text("stdout"), heard.text("stderr")) == ("one\n", "two\n")


async def test_of_a_long_output_both_ends_are_kept(target):
    limits, heard = Limits(kept=2000), Heard()
    ended = await target.connector(limits).run(job("seq 1 5000"), on_output=heard)
    whole = "".join(f"{i}\n" for i in range(1, 5001))
    missing = len(whole) - 2000
    assert ended.stdout == f"{whole[:1000]}\n[{missing} bytes are left out here]\n{whole[-1000:]}"
    assert heard.text("stdout") == whole


async def test_a_runaway_output_does_not_fill_the_disk(target):
    limits = Limits(kept=4096, file=1024 * 1024)
    pid = target.scratch / "pid"
    sent = job(f"echo $$ >'{pid}'; echo begin; yes; echo never", seconds=3)
    running = asyncio.create_task(target.connector(limits).run(sent))
    cut = target.claim(sent.key) / "stdout.cut"
    await until(cut.exists)
    await until(lambda: cut.read_text().strip().isdigit())
    ended = await running
    assert ended.timed_out
    head, _, rest = ended.stdout.partition("\n[")
    missing, _, tail = rest.partition(" bytes are left out here]\n")
    assert head.startswith("begin\ny\n")
    # All bytes are accounted for: what was cut and what is still there, and nothing twice.
    written = (target.claim(sent.key) / "stdout").stat().st_size + int(cut.read_text())
    assert int(missing) == written - len(head) - len(tail)


async def test_a_timeout_ends_the_whole_group(target):
    marker = f"{target.scratch}/marker"
    command = (
        f"(sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' '{marker}') & echo begun; sleep 60"
    )
    ended = await target.connector().run(job(command, seconds=0.5))
    assert (ended.exit_code, ended.stdout, ended.timed_out) == (124, "begun\n", True)
    assert [line for line in living(marker) if "trap" in line] == []


async def test_the_timeout_is_kept_when_nobody_watches(target):
    sent = job(f"sleep 60; echo '{target.scratch}'", seconds=1)
    connector = target.connector()
    watching = asyncio.create_task(connector.run(sent))
    await until((target.claim(sent.key) / "group").exists)
    wrapper = int((target.claim(sent.key) / "started").read_text().split()[0])
    assert wrapper in in_session(wrapper), "a signal to the launcher's group would end it"
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await connector.close()
    await until((target.claim(sent.key) / "exit").exists)
    assert living(sent.key) == []
    ended = await target.connector().run(sent)
    assert (ended.exit_code, ended.timed_out, ended.reattached) == (124, True, True)


async def test_a_daemon_left_behind_is_neither_waited_for_nor_killed(target):
    marker = f"{target.scratch}/daemon"
    command = f"sh -c 'while :; do sleep 0.1; done' '{marker}' & echo $! ; exit 0"
    async with asyncio.timeout(SOON):
        ended = await target.connector().run(job(command))
    try:
        await until(lambda: living(marker))
    finally:
        os.kill(int(ended.stdout), signal.SIGKILL)


async def test_nothing_of_a_run_is_left_running(target):
    # A busy machine may need longer for one of them; what is left behind would be so each time.
    assert any([await left_nothing(target) for _ in range(4)])


async def left_nothing(target) -> bool:
    sent = job("echo done")
    await target.connector().run(sent)
    wrapper = int((target.claim(sent.key) / "started").read_text().split()[0])
    # Less than the nap of the guard, whose end would hide that it was left behind.
    for _ in range(40):
        # On this machine the session is that of the connector's keeper, which stays.
        kept = {wrapper} if target.kind == "local" else set()
        if not living(sent.key) and set(in_session(wrapper)) == kept:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_run_without_its_wrapper_and_exit_code_is_lost(target):
    sent = job("echo begun; sleep 2", seconds=20)
    running = asyncio.create_task(target.connector().run(sent))
    await until((target.claim(sent.key) / "stdout").exists)
    await until(lambda: (target.claim(sent.key) / "stdout").read_text() == "begun\n")
    kill_wrapper(target, sent.key)
    lost = await running
    assert isinstance(lost, Lost)
    assert lost.stdout == "begun\n"
    group = group_of(target, sent.key)
    assert f"still runs there as process group {group}" in lost.reason


async def test_a_reused_pid_is_not_taken_for_the_run(target):
    sent = job("true")
    await target.connector().run(sent)
    claim = target.claim(sent.key)
    (claim / "exit").unlink()
    (claim / "started").write_text(f"{os.getpid()} somebody\n")
    assert isinstance(await target.connector().run(sent), Lost)


async def test_a_claim_that_never_started_is_given_up_and_run_afresh(target):
    sent = job("echo ran")
    target.claim(sent.key).mkdir(parents=True)
    ended = await target.connector(Limits(start_grace=timedelta(seconds=0.1))).run(sent)
    assert (ended.exit_code, ended.stdout, ended.reattached) == (0, "ran\n", False)
    assert (target.claim(sent.key) / "started").read_text().startswith("void")
    again = await target.connector().run(sent)
    assert (again.stdout, again.reattached) == ("ran\n", True)


async def test_a_place_that_cannot_be_written_is_told_and_nothing_runs(target):
    target.base.parent.mkdir()
    target.base.write_text("a file where a directory should be")
    with pytest.raises(TargetUnusableError, match="was not started: mkdir"):
        await target.connector().run(job("echo ran"))


async def test_an_executor_killed_in_the_middle_is_followed_by_one_that_attaches(target):
    go_on, count = target.scratch / "go-on", target.scratch / "count"
    sent = job(
        f"echo ran >>'{count}'; echo early; until [ -e '{go_on}' ]; do sleep 0.05; done;"
        " echo late; exit 5"
    )
    executor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.connectors.executor"),
        *(str(target.base), sent.key, sent.command),
        *([] if target.endpoint is None else [target.endpoint.target().model_dump_json()]),
        cwd=Path(__file__).parents[2],
    )
    await until(count.exists)
    executor.kill()
    await executor.wait()
    heard = Heard()
    running = asyncio.create_task(target.connector().run(sent, on_output=heard))
    await until(lambda: heard.text("stdout") == "early\n")
    go_on.touch()
    assert await running == Ended(5, "early\nlate\n", "", reattached=True)
    assert count.read_text() == "ran\n"


async def test_old_claims_are_swept_and_running_ones_stay(target):
    connector, sent = target.connector(), job("sleep 60", seconds=60)
    running = asyncio.create_task(target.connector().run(sent))
    await until((target.claim(sent.key) / "group").exists)
    old = target.claim("old")
    old.mkdir()
    (old / "started").write_text("1 somebody\n")
    for claim in (old, target.claim(sent.key)):
        os.utime(claim, (0, 0))
    try:
        await connector.run(job("true"))
        await until(lambda: not old.exists())
        assert target.claim(sent.key).exists()
    finally:
        running.cancel()
        os.killpg(group_of(target, sent.key), signal.SIGKILL)
        await asyncio.gather(running, return_exceptions=True)


async def test_reading_gives_outputs_and_exit_code_and_leaves_no_claim(target):
    ended = await target.connector().read("echo out; echo err >&2; exit 4", timeout=timedelta(9))
    assert ended == Ended(4, "out\n", "err\n")
    assert not target.base.exists()


async def test_reading_keeps_its_timeout_on_the_target(target):
    marker = f"{target.scratch}/reading"
    with pytest.raises(TargetUnreachableError, match="no end after"):
        await target.connector().read(
            f"sh -c 'sleep 60; :' '{marker}' & wait", timeout=timedelta(seconds=0.3)
        )
    await until(lambda: living(marker) == [])


async def test_a_command_with_a_nul_is_refused_with_its_place(target):
    with pytest.raises(Exception, match="character 5 of the command is NUL"):
        await target.connector().run(job("echo \0"))


async def test_a_wrapper_that_comes_late_finds_that_it_may_not_start(tmp_path):
    (tmp_path / "started").write_text("void somebody\n")
    (tmp_path / "command").write_text(f"echo ran >'{tmp_path}/ran'")
    wrapper = await asyncio.create_subprocess_exec(
        *("sh", "-c", script("wrap"), "handrail-run:late:", str(tmp_path), "late", "me"),
        *("100", "100", "100", "0", "0"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await wrapper.wait() != 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["command", "started"]


async def test_what_a_run_took_is_told(target):
    ended = await target.connector().run(job("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"))
    assert timedelta(0) < ended.usage.cpu < timedelta(seconds=60)
