"""How every connector attaches to what was started before, and how it ends it."""

import asyncio

from shared.connectors.protocol import Ended, Lost
from tests.connectors.conftest import (
    Heard,
    begun,
    in_session,
    job,
    kill_wrapper,
    living,
    until,
)


async def test_a_key_that_nobody_ran_has_nothing_to_attach_to(target):
    sent = job("echo ran")
    assert await target.connector().reattach(sent) is None
    assert not target.claim(sent.key).exists()
    assert (await target.connector().run(sent)).reattached is False


async def test_a_claim_that_never_started_is_left_to_run(target):
    sent = job("echo ran")
    target.claim(sent.key).mkdir(parents=True)
    assert await target.connector().reattach(sent) is None


async def test_attaching_to_a_run_that_ended_gives_its_result(target):
    sent, heard = job("echo out; echo err >&2; exit 3"), Heard()
    await target.connector().run(sent)
    again = await target.connector().reattach(sent, on_output=heard)
    assert again == Ended(3, "out\n", "err\n", reattached=True)
    assert heard.text("stdout") == "out\n"


async def test_attaching_to_a_run_waits_for_its_end(target):
    go_on, heard = target.scratch / "go-on", Heard()
    sent, running = await begun(target, f"until [ -e '{go_on}' ]; do sleep 0.05; done; exit 4")
    attached = asyncio.create_task(target.connector().reattach(sent, on_output=heard))
    await until(lambda: heard.text("stdout") == "begun\n")
    assert not attached.done()
    go_on.touch()
    assert await attached == Ended(4, "begun\n", "", reattached=True)
    assert (await running).reattached is False


async def test_attaching_to_a_run_without_its_wrapper_finds_it_lost(target):
    sent, running = await begun(target, "sleep 60")
    kill_wrapper(target, sent.key)
    assert isinstance(await running, Lost)
    assert isinstance(await target.connector().reattach(sent), Lost)
    assert await target.connector().cancel(sent.key) is True
    assert "process group" not in (await target.connector().reattach(sent)).reason


async def test_cancelling_ends_the_whole_group(target):
    marker = f"{target.scratch}/marker"
    stubborn = f"sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' '{marker}'"
    sent, running = await begun(target, f"({stubborn} &) ; sleep 60; echo never", seconds=60)
    await until(lambda: [line for line in living(marker) if "trap" in line])
    assert await target.connector().cancel(sent.key) is True
    ended = await running
    assert (ended.exit_code, ended.stdout, ended.cancelled) == (143, "begun\n", True)
    assert living(marker) == []
    again = await target.connector().reattach(sent)
    assert (again.cancelled, again.exit_code) == (True, 143)


async def test_a_command_may_say_how_it_ends_when_it_is_cancelled(target):
    sent, running = await begun(
        target, "trap 'echo tidied; exit 5' TERM; while :; do sleep 0.1; done"
    )
    assert await target.connector().cancel(sent.key) is True
    ended = await running
    assert (ended.exit_code, ended.stdout, ended.cancelled) == (5, "begun\ntidied\n", True)


async def test_what_is_cancelled_before_it_starts_never_does(target):
    count, connector = target.scratch / "count", target.connector()
    sent = job(f"echo ran >>'{count}'")
    assert await connector.cancel(sent.key) is True
    assert await connector.cancel(sent.key) is True
    assert await target.connector().run(sent) == Ended(143, "", "", cancelled=True)
    assert (await target.connector().reattach(sent)).cancelled
    assert not count.exists()


async def test_cancelling_what_has_ended_changes_nothing(target):
    sent = job("echo done")
    await target.connector().run(sent)
    assert await target.connector().cancel(sent.key) is True
    assert await target.connector().reattach(sent) == Ended(0, "done\n", "", reattached=True)


async def test_a_group_that_was_given_to_somebody_else_is_left_alone(target):
    sent = job("true")
    await target.connector().run(sent)
    claim = target.claim(sent.key)
    (claim / "exit").unlink()
    other = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    (claim / "group").write_text(f"{other.pid} 1\n")
    try:
        assert await target.connector().cancel(sent.key) is True
        assert in_session(other.pid) == [other.pid]
        assert "process group" not in (await target.connector().reattach(sent)).reason
    finally:
        other.kill()
        await other.wait()


async def test_a_shell_has_no_dry_run(target):
    assert await target.connector().dry_run(job("true")) is None
