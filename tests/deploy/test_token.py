"""Tokens on the command line: shown once, listed, revoked, and what was done with them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from services.console.tokens.store import MongoTokens
from services.console.tokens.token import Written


def listed(handrail):
    return {row["name"]: row for row in json.loads(handrail("token", "list", "--json").stdout)}


async def test_a_token_is_printed_once_and_what_is_kept_does_not_have_it(stored, handrail):
    result = await asyncio.to_thread(handrail, "token", "add", "ci", "--role", "operator")
    text = result.stdout.strip()
    written = Written.of(text)
    kept = await MongoTokens(stored).get(written.id)
    assert (kept.name, kept.role.value, kept.digest) == ("ci", "operator", written.digest)
    raw = await stored.api_tokens.find_one({})
    assert text not in str(raw)
    assert text.rpartition("_")[2] not in str(raw)
    assert "shown once" in result.stderr
    shown = await asyncio.to_thread(handrail, "token", "list")
    assert "ci" in shown.stdout
    assert text not in shown.stdout


def test_who_says_nothing_else_gets_a_viewer_for_ninety_days(stored, handrail):
    made = json.loads(handrail("token", "add", "ci", "--json").stdout)
    assert (made["role"], Written.of(made["token"]).id) == ("viewer", made["id"])
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)
    assert "token" not in listed(handrail)["ci"]


@pytest.mark.parametrize(
    ("expires", "span"),
    [("12h", timedelta(hours=12)), ("365d", timedelta(days=365)), ("never", None)],
)
def test_it_lasts_as_long_as_is_said(stored, handrail, expires, span):
    made = json.loads(handrail("token", "add", "ci", "--expires", expires, "--json").stdout)
    until = made["expires_at"] and datetime.fromisoformat(made["expires_at"])
    began = datetime.fromisoformat(made["created_at"])
    assert (until and until - began) == span


@pytest.mark.parametrize(
    "arguments",
    [("add", "a b"), ("add", "ci", "--expires", "1y"), ("add", "ci", "--expires", "0d")],
)
def test_what_makes_no_sense_is_refused(stored, handrail, arguments):
    handrail("token", *arguments, code=2)
    assert listed(handrail) == {}


def test_a_revoked_one_says_so_and_its_name_is_free_again(stored, handrail):
    handrail("token", "add", "ci")
    assert "handrail token revoke ci" in handrail("token", "add", "ci", code=1).output
    handrail("token", "revoke", "ci")
    assert listed(handrail)["ci"]["state"] == "revoked"
    assert "there is no token ci" in handrail("token", "revoke", "ci", code=1).output
    handrail("token", "add", "ci")


def test_the_record_says_who_made_and_revoked_which(stored, handrail):
    handrail("token", "add", "ci", "--role", "admin")
    handrail("token", "revoke", "ci")
    record = json.loads(handrail("token", "audit", "--json").stdout)
    assert [entry["deed"] for entry in record] == ["token.revoked", "token.added"]
    assert {(entry["about"], entry["outcome"]) for entry in record} == {("ci", "done")}
    assert record[1]["detail"] == "role admin"
    assert json.loads(handrail("token", "audit", "--about", "other", "--json").stdout) == []
    assert "token.revoked" in handrail("token", "audit").stdout
