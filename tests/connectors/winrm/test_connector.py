"""Commands on a host over WinRM: the wire, the claim, and what people are told."""

import asyncio
import socket
from datetime import timedelta

import pytest

from shared.config import Config
from shared.config.targets.winrm import WinrmTarget
from shared.connectors.protocol import (
    Ended,
    LoginRefusedError,
    Lost,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.registry import Connectors
from shared.connectors.script import ScriptRefusedError
from shared.connectors.winrm import WinrmConnector
from shared.connectors.winrm.session import Access
from shared.connectors.winrm.sources import PowerShellScripts, _called
from tests.connectors.conftest import Heard, job, until
from tests.connectors.winrm.host import PASSWORD, USER, Windows, serving


@pytest.fixture
def windows(tmp_path):
    return Windows(tmp_path)


@pytest.fixture
def port(windows):
    with serving(windows) as port:
        yield port


@pytest.fixture
def connect(windows, port, monkeypatch):
    """Makes connectors, each as another executor would have its own."""
    monkeypatch.setenv("WEB_PASSWORD", PASSWORD)

    def make(**changes):
        section = {
            "connector": "winrm",
            "host": "127.0.0.1",
            "port": port,
            "user": USER,
            "password": {"env": "WEB_PASSWORD"},
            "auth": "basic",
            "ca": str(windows.folder / "ca.pem"),
        }
        return WinrmConnector(Access.of(WinrmTarget.model_validate(section | changes)))

    return make


async def test_both_outputs_and_the_exit_code_come_back(connect, windows):
    ended = await connect().run(job("echo Grüße; echo err >&2; exit 7"))
    assert ended == Ended(7, "Grüße\n", "err\n")
    assert windows.shells == set(), "a shell that was left open counts against the user's"


async def test_the_same_key_runs_once(connect, windows):
    count = windows.folder / "count"
    sent = job(f"echo ran >>'{count}'; sleep 0.2; echo out")
    first, second = await asyncio.gather(connect().run(sent), connect().run(sent))
    assert count.read_text() == "ran\n"
    assert sorted([first.reattached, second.reattached]) == [False, True]
    assert await connect().reattach(sent) == Ended(0, "out\n", "", reattached=True)


async def test_an_answer_that_is_lost_does_not_run_the_command_again(connect, windows):
    windows.broken = 1
    count = windows.folder / "count"
    ended = await connect().run(job(f"echo ran >>'{count}'; echo out"))
    assert (ended.stdout, count.read_text()) == ("out\n", "ran\n")
    assert ended.reattached is False


async def test_output_is_heard_before_the_command_ends(connect, windows):
    go_on, heard = windows.folder / "go-on", Heard()
    running = asyncio.create_task(
        connect().run(
            job(f"echo early; until [ -e '{go_on}' ]; do sleep 0.05; done; echo late"),
            on_output=heard,
        )
    )
    await until(lambda: heard.text("stdout") == "early\n")
    go_on.touch()
    assert (await running).stdout == heard.text("stdout") == "early\nlate\n"


async def test_a_long_output_comes_whole(connect):
    ended = await connect().run(job("seq 1 30000"))
    assert ended.stdout == "".join(f"{i}\n" for i in range(1, 30001))


async def test_a_long_command_arrives_whole(connect):
    ended = await connect().run(job("echo whole\n" + "#" * 300_000))
    assert ended.stdout == "whole\n"


async def test_the_timeout_is_told(connect):
    ended = await connect().run(job("exec sleep 60", seconds=0.5))
    assert (ended.exit_code, ended.timed_out) == (124, True)


async def test_cancelling_ends_the_command(connect):
    heard, sent = Heard(), job("echo begun; exec sleep 60")
    running = asyncio.create_task(connect().run(sent, on_output=heard))
    await until(lambda: heard.text("stdout") == "begun\n")
    assert await connect().cancel(sent.key) is True
    ended = await running
    assert (ended.cancelled, ended.stdout) == (True, "begun\n")


async def test_what_is_cancelled_before_it_starts_never_does(connect):
    sent = job("echo ran")
    assert await connect().reattach(sent) is None
    assert await connect().cancel(sent.key) is True
    assert await connect().run(sent) == Ended(143, "", "", cancelled=True)


async def test_a_run_that_left_no_exit_code_is_lost(connect, windows):
    claim = windows.claims / "gone"
    claim.mkdir(parents=True)
    (claim / "claim").write_text("somebody")
    (claim / "started").write_text("dead")
    assert isinstance(await connect().reattach(job("true", key="gone")), Lost)


async def test_looking_leaves_no_claim(connect, windows):
    ended = await connect().read("echo out; echo err >&2; exit 4", timeout=timedelta(seconds=30))
    assert ended == Ended(4, "out\n", "err\n")
    assert not windows.claims.exists()
    with pytest.raises(TargetUnreachableError, match="no end after"):
        await connect().read("exec sleep 60", timeout=timedelta(seconds=0.2))


async def test_a_certificate_that_is_not_trusted_is_told_and_nothing_is_sent(connect, windows):
    with pytest.raises(TargetUnusableError, match="a certificate that is not trusted"):
        await connect(ca=None).run(job("true"))
    assert windows.asked == []


async def test_a_wrong_password_is_told_and_not_repeated(connect, monkeypatch, windows):
    monkeypatch.setenv("WEB_PASSWORD", "wrong horse")
    with pytest.raises(LoginRefusedError, match="does not accept this password") as caught:
        await connect().run(job("true"))
    assert "wrong horse" not in str(caught.value)
    assert windows.asked == []


async def test_a_closed_port_is_unreachable_and_nothing_has_started(connect):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        connector = connect(port=taken.getsockname()[1])
        with pytest.raises(TargetUnreachableError, match="cannot be reached") as caught:
            await connector.read("true", timeout=timedelta(seconds=0.2))
    assert caught.value.may_have_started is False


def test_the_password_is_not_shown(connect):
    assert PASSWORD not in repr(connect()._powershell.access)


@pytest.mark.parametrize(
    ("header", "arguments"),
    [
        ("powershell", ""),
        ("powershell one 'a b'", " 'one' 'a b'"),
        ("""powershell "it's" '$env:X' \u2019""", " 'it''s' '$env:X' '\u2019\u2019'"),
    ],
)
def test_a_script_is_a_block_that_is_called_with_its_arguments(header, arguments):
    assert _called(f"{header}\nparam($a)\n$a") == f"& {{\nparam($a)\n$a\n}}{arguments}\n"


def test_a_script_for_another_interpreter_is_refused():
    with pytest.raises(ScriptRefusedError, match="begins with one of powershell"):
        _called("python3\nprint(1)")


def test_a_target_of_this_kind_is_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_PASSWORD", PASSWORD)
    section = {"host": "win-1", "user": USER, "password": {"env": "WEB_PASSWORD"}}
    config = Config.model_validate({"targets": {"win": section | {"connector": "winrm"}}})
    connectors = Connectors(config, tmp_path)
    assert isinstance(connectors.open("win"), WinrmConnector)
    assert isinstance(connectors.open("win", uses="script"), PowerShellScripts)
    assert connectors.describe("win") == "deploy@win-1:5986 (winrm)"
