"""Credentials on the command line: kept, rotated, listed, and never shown."""

import json

import pytest
from typer.testing import CliRunner

from deploy.cli import app

KEY, OTHER = "k" * 40, "o" * 40


@pytest.fixture
def secret(stored, tmp_path, monkeypatch):
    """Runs a command of the group, with something on standard input."""
    monkeypatch.setenv("HANDRAIL_SECRET_KEY", KEY)
    (tmp_path / "handrail.yaml").write_text("credentials: {smtp: {env: SMTP_PASSWORD}}\n")
    monkeypatch.setenv("HANDRAIL_CONFIG", str(tmp_path / "handrail.yaml"))

    def run(*arguments, value="", code=0):
        result = CliRunner().invoke(app, ["secret", *arguments], input=value)
        assert result.exit_code == code, result.output
        assert "hunter" not in result.output
        return result

    return run


def listed(secret):
    rows = json.loads(secret("list", "--json").stdout)
    return {row["name"]: row for row in rows}


def test_a_credential_is_kept_and_listed_without_its_value(secret):
    secret("set", "db", value="hunter22\n")
    row = listed(secret)["db"]
    assert (row["kind"], row["rotated_at"], row["used_at"]) == ("stored", None, None)
    assert [deed["did"] for deed in row["audit"]] == ["created"]


def test_those_of_the_file_are_listed_by_where_they_are(secret):
    assert listed(secret)["smtp"] == {"name": "smtp", "kind": "env", "where": "SMTP_PASSWORD"}


def test_setting_a_second_time_asks_to_rotate(secret):
    secret("set", "db", value="hunter22\n")
    assert "handrail secret rotate db" in secret("set", "db", value="hunter23\n", code=1).output
    secret("rotate", "db", value="hunter23\n")
    assert listed(secret)["db"]["rotated_by"]


def test_a_removed_one_is_not_listed(secret):
    secret("set", "db", value="hunter22\n")
    secret("remove", "db")
    assert "db" not in listed(secret)
    assert "there is no credential db" in secret("remove", "db", code=1).output


def test_all_move_to_a_new_key(secret, monkeypatch):
    secret("set", "db", value="hunter22\n")
    monkeypatch.setenv("HANDRAIL_SECRET_KEY", OTHER)
    assert "no key opens db" in secret("rekey", code=1).output
    monkeypatch.setenv("HANDRAIL_SECRET_KEY_PREVIOUS", KEY)
    assert "1 credentials" in secret("rekey").output
    monkeypatch.delenv("HANDRAIL_SECRET_KEY_PREVIOUS")
    told = json.loads(secret("rekey", "--json").stdout)
    assert told == {"rekeyed": 1, "not_opened": [], "plans": 0, "plans_not_opened": 0}


@pytest.mark.parametrize(
    ("arguments", "value", "reason"),
    [
        (("set", "db"), "", "there is no value in it"),
        (("set", "db"), "\n", "there is no value in it"),
        (("set", "a b"), "hunter22", "no name of a credential"),
    ],
)
def test_what_cannot_be_kept_is_refused(secret, arguments, value, reason):
    assert reason in secret(*arguments, value=value, code=2).output


def test_no_command_takes_a_value_as_an_argument(secret):
    result = CliRunner().invoke(app, ["secret", "set", "db", "hunter22"])
    assert result.exit_code == 2
