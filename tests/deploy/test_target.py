"""Targets on the command line: listed, added, removed, tried."""

import asyncio
import json
from datetime import UTC, datetime

import asyncssh
import pytest

from shared.targets.store import Declared, MongoTargets

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
CONFIG = """\
targets:
  here: {connector: local, aliases: ["10.0.0.5:*"], environment: test}
  shop: {connector: sql, engine: sqlite, database: /nowhere/at/all.db}
"""
ADDED = """\
targets:
  scratch:
    connector: sql
    engine: sqlite
    database: {path}
    match: {{job: scratch}}
  web:
    connector: ssh
    host: web-1
    user: deploy
    host_key: {key}
    password: {{credential: web}}
"""
SSH = "targets: {{x: {{connector: ssh, host: h, user: u, host_key: ssh-ed25519 A, {}}}}}\n"


@pytest.fixture
def target(stored, tmp_path, monkeypatch, handrail):
    """Runs a command of the group, where handrail.yaml has two targets."""
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    (tmp_path / "scratch.db").touch()
    (tmp_path / "added.yaml").write_text(ADDED.format(path=tmp_path / "scratch.db", key=HOST_KEY))
    monkeypatch.setenv("HANDRAIL_CONFIG", str(tmp_path / "handrail.yaml"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        return handrail("target", *arguments, code=code)

    return run


def told(result):
    return json.loads(result.stdout)


def test_targets_are_added_listed_and_removed(target):
    target("add", "added.yaml")
    rows = {row["name"]: row for row in told(target("list", "--json"))}
    assert set(rows) == {"here", "shop", "scratch", "web"}
    assert (rows["web"]["from"], rows["here"]["from"]) == ("handrail target add", "handrail.yaml")
    assert rows["web"]["declared"]["password"] == {"credential": "web"}
    assert rows["scratch"]["match"] == {"job": "scratch"}
    target("remove", "web")
    assert "web" not in [row["name"] for row in told(target("list", "--json"))]


async def test_one_that_came_by_the_api_says_so(target, stored):
    said = {"connector": "local"}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    await MongoTargets(stored).add(Declared("other", said, at, "api:ci"))
    shown = told(await asyncio.to_thread(target, "show", "other", "--json"))
    assert (shown["from"], shown["by"]) == ("the API", "api:ci")


def test_one_is_shown_for_people(target):
    shown = target("show", "here").output
    assert "this machine (local)" in shown
    assert "10.0.0.5:*" in shown


def test_adding_again_needs_to_be_meant(target):
    target("add", "added.yaml")
    assert "say --replace" in target("add", "added.yaml", code=1).output
    target("add", "added.yaml", "--replace")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("targets: {here: {connector: local}}\n", "1:11: handrail.yaml declares a target of this"),
        ("targets: {x: {connector: telnet}}\n", "1:11"),
        (SSH.format("password: hunter2"), "a secret is not written here"),
        (SSH.format("password: {env: A}, via: nobody"), "'nobody' is no ssh target"),
    ],
)
def test_a_wrong_file_is_refused_with_its_places(target, tmp_path, text, reason):
    (tmp_path / "wrong.yaml").write_text(text)
    output = target("add", "wrong.yaml", code=2).output
    assert reason in output
    assert "hunter2" not in output


def test_a_target_of_the_file_is_not_removed_here(target):
    assert "take it out there" in target("remove", "here", code=1).output


def test_a_target_that_answers_is_told(target):
    target("add", "added.yaml")
    for name in ("here", "scratch"):
        said = told(target("test", name, "--json"))
        assert (said["ok"], said["told"]) == (True, "it answers, and lets Handrail in")


def test_a_target_that_cannot_be_reached_says_why(target):
    said = told(target("test", "shop", "--seconds", "1", "--json", code=1))
    assert not said["ok"]
    target("add", "added.yaml")
    assert "credential web" in target("test", "web", code=1).output
    assert "there is no target nobody; there are: here" in target("test", "nobody", code=1).output


def test_the_doctor_misses_a_credential_that_only_an_added_target_names(target, handrail, tmp_path):
    target("add", str(tmp_path / "added.yaml"))
    said = handrail("doctor", code=1).output
    assert "there is no credential web" in " ".join(said.split())
