"""Scripts on this machine, behind OpenSSH and behind our own SSH server."""

import shlex
from datetime import timedelta

import pytest

from shared.connectors.local import LocalConnector
from shared.connectors.protocol import Ended, TargetUnusableError
from shared.connectors.script import Script, ScriptConnector, ScriptRefusedError
from shared.connectors.sendable import UnsendableCommandError
from tests.connectors.conftest import Heard, job

PYTHON = """\
import sys
print(sys.argv[1:], "\\t'\\"$HOME`x`")
sys.exit(3)
"""
ODD = ("", "a b", "it's", '"$HOME"', "--dry", "`id`", "line\nbreak", "Grüße", "*")


@pytest.fixture
def scripts(target) -> ScriptConnector:
    """Scripts on a target of each kind."""
    return ScriptConnector(target.connector())


async def test_a_python_script_runs_with_its_arguments(scripts):
    ended = await scripts.run(job(f"python3 'web 1' --dry\n{PYTHON}"))
    assert ended == Ended(3, "['web 1', '--dry'] \t'\"$HOME`x`\n", "")


async def test_arguments_arrive_as_they_are(scripts):
    ended = await scripts.run(job(f"python3 {shlex.join(ODD)}\nimport sys\nprint(sys.argv[1:])"))
    assert ended.stdout == f"{[*ODD]}\n"


@pytest.mark.parametrize("interpreter", ["sh", "bash"])
async def test_a_shell_script_reads_nothing_of_itself(scripts, interpreter):
    ended = await scripts.run(job(f'{interpreter} one two\ncat\necho "$2 $#"\nexit 4'))
    assert ended == Ended(4, "two 2\n", "")


async def test_a_long_script_arrives_whole(scripts):
    filler = "# a line of a script that goes on and on\n" * 6000
    ended = await scripts.run(job(f"python3\n{filler}print('end')"))
    assert ended == Ended(0, "end\n", "")


async def test_the_source_is_gone_when_the_script_has_ended(scripts, target):
    sent = job("python3\nprint(open(__file__).read())")
    assert "print(open" in (await scripts.run(sent)).stdout
    assert not (target.claim(sent.key) / "source").exists()
    assert "print" not in (target.claim(sent.key) / "command").read_text()


async def test_a_script_runs_once_for_its_key(scripts, target):
    count, heard = target.scratch / "count", Heard()
    sent = job(f"sh\necho ran >>'{count}'; echo out")
    assert await scripts.reattach(sent) is None
    await scripts.run(sent)
    other = ScriptConnector(target.connector())
    assert await other.run(sent) == Ended(0, "out\n", "", reattached=True)
    assert await other.reattach(sent, on_output=heard) == Ended(0, "out\n", "", reattached=True)
    assert (count.read_text(), heard.text("stdout")) == ("ran\n", "out\n")


async def test_a_script_that_is_cancelled_before_it_starts_never_does(scripts):
    sent = job("sh\necho ran")
    assert await scripts.cancel(sent.key)
    assert (await scripts.run(sent)).cancelled


async def test_a_script_that_checks_leaves_nothing_behind(scripts, target):
    ended = await scripts.read(
        "python3 'a b'\nimport sys\nprint(sys.argv[1], __file__)\nsys.exit(5)",
        timeout=timedelta(seconds=30),
    )
    value, _, file = ended.stdout.strip().rpartition(" ")
    assert (ended.exit_code, value) == (5, "a b")
    assert not target.base.exists()
    # The target is this machine in each of these tests.
    assert not (target.scratch / file).exists()


async def test_a_script_has_no_dry_run(scripts):
    assert await scripts.dry_run(job("sh\ntrue")) is None


async def test_an_interpreter_that_is_not_there_is_told(tmp_path):
    here = LocalConnector(tmp_path / "steps", environment={"PATH": str(tmp_path)})
    (tmp_path / "cat").symlink_to("/bin/cat")
    (tmp_path / "mktemp").symlink_to("/bin/mktemp")
    (tmp_path / "rm").symlink_to("/bin/rm")
    scripts, told = ScriptConnector(here), "python3 is not on this target's PATH: install it there"
    with pytest.raises(TargetUnusableError, match=told):
        await scripts.run(job("python3\nprint('ran')"))
    with pytest.raises(TargetUnusableError, match=told):
        await scripts.read("python3\nprint('ran')", timeout=timedelta(seconds=30))
    await here.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("perl -w\nprint 1", "'perl' cannot run scripts here.*python3, bash, sh"),
        ("powershell\nGet-Date", "'powershell' cannot run scripts here"),
        ("", "'' cannot run scripts here"),
        ("python3 'open\nx", "a quote in the script's first line is not closed"),
    ],
)
def test_what_is_no_script_is_refused_with_what_to_change(text, said):
    with pytest.raises(ScriptRefusedError, match=said):
        Script.parsed(text)


def test_a_script_that_checks_may_not_be_too_long():
    with pytest.raises(UnsendableCommandError, match="make it shorter"):
        Script("sh", (), "#" * 70_000).as_one_command()
