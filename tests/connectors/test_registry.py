"""Connectors by the names of their targets."""

from datetime import timedelta

import asyncssh
import pytest

from shared.config import Config
from shared.config.targets import CARRIED
from shared.connectors.local import LocalConnector
from shared.connectors.protocol import UnknownTargetError
from shared.connectors.registry import _ON_OTHERS, Connectors
from shared.connectors.script import ScriptConnector
from shared.connectors.ssh import SshConnector
from tests.connectors.conftest import job

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
CONFIG = Config.model_validate(
    {
        "sources": {"alertmanager": {"bearer": {"env": "ALERTMANAGER_TOKEN"}}},
        "targets": {
            "here": {"connector": "local"},
            "web-1": {
                "connector": "ssh",
                "host": "web-1",
                "user": "deploy",
                "host_key": HOST_KEY,
                "password": {"env": "WEB_PASSWORD"},
            },
        },
    }
)


@pytest.fixture
def connectors(tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_PASSWORD", "correct horse")
    return Connectors(CONFIG, tmp_path)


def test_each_kind_has_its_connector(connectors):
    assert isinstance(connectors.open("here"), LocalConnector)
    assert isinstance(connectors.open("web-1"), SshConnector)
    assert (connectors.kind("here"), connectors.kind("web-1")) == ("local", "ssh")


def test_scripts_run_on_what_has_a_shell(connectors):
    assert isinstance(connectors.open("here", uses="script"), ScriptConnector)
    assert isinstance(connectors.open("web-1", uses="script"), ScriptConnector)


def test_what_lint_lets_scripts_run_on_is_what_they_run_on():
    assert {(uses, on) for uses, hosts in CARRIED.items() for on in hosts} == set(_ON_OTHERS)


def test_a_target_is_opened_once(connectors):
    assert connectors.open("here") is connectors.open("here")


@pytest.mark.parametrize("ask", ["open", "kind", "describe"])
def test_an_unknown_target_is_told_with_those_that_are_declared(connectors, ask):
    with pytest.raises(UnknownTargetError, match=r"no target 'web-2'.*: here, web-1"):
        getattr(connectors, ask)("web-2")


def test_people_see_where_a_target_is(connectors):
    assert connectors.describe("web-1") == "deploy@web-1:22 (ssh)"
    assert connectors.describe("here") == "this machine (local)"


def test_secrets_of_every_section_are_known_and_missing_ones_are_passed_over(
    connectors, monkeypatch
):
    assert connectors.secrets() == ("correct horse",)
    monkeypatch.setenv("ALERTMANAGER_TOKEN", "open sesame")
    assert set(connectors.secrets()) == {"correct horse", "open sesame"}


async def test_local_claims_lie_in_the_home(connectors, tmp_path):
    sent = job("echo here")
    await connectors.open("here").run(sent)
    await connectors.close()
    assert (tmp_path / "steps" / sent.key / "stdout").read_text() == "here\n"


async def test_a_local_command_does_not_see_the_secrets_of_the_executor(connectors):
    ended = await connectors.open("here").run(job("env"))
    await connectors.close()
    assert "PATH=" in ended.stdout
    assert "correct horse" not in ended.stdout


async def test_this_machine_has_one_process_that_keeps_commands_however_many_names_it_has(tmp_path):
    two = Config.model_validate({"targets": {n: {"connector": "local"} for n in ("here", "there")}})
    connectors = Connectors(two, tmp_path)
    assert connectors.open("here") is connectors.open("there")
    connectors.changed({"here"})
    assert connectors.open("here") is connectors.open("there")
    assert (
        await connectors.open("here").read("echo", timeout=timedelta(seconds=60))
    ).exit_code == 0
    await connectors.close()
