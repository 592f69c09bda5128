"""Saying things in advance at the terminal: made, shown, ended."""

import asyncio
import getpass
import json

import pytest
from pydantic import SecretStr

from deploy.connection import Place
from deploy.library import books_in
from shared.signing import Signer
from shared.standing.store import MongoStanding, word_of
from tests.standing.words import STRANGER, delegation, window

KEY = "k" * 32
RUNBOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: restart, title: Restart it}
description: It hangs.
match: {alerts: [ShopDown]}
steps:
  - {id: restart, uses: local, target: here, run: 'true', risk: high}
verify:
  - {uses: local, target: here, run: 'true', within: 10s}
"""


@pytest.fixture
def approvals(stored, tmp_path, monkeypatch, handrail):
    """Runs a command of the group, where handrail.yaml has two people."""
    config = tmp_path / "handrail.yaml"
    people = [{"name": n, "email": f"{n}@example.org"} for n in ("ada", "bob", getpass.getuser())]
    config.write_text(json.dumps({"people": people}))
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "restart.yaml").write_text(RUNBOOK)
    monkeypatch.setenv("HANDRAIL_CONFIG", str(config))
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(tmp_path / "runbooks"))
    monkeypatch.setenv("HANDRAIL_SECRET_KEY", KEY)

    def run(*arguments, code=0):
        return handrail("approvals", *arguments, code=code)

    return run


def told(result):
    return json.loads(result.stdout)


def listed(approvals, what, *more):
    return [one["id"] for one in told(approvals(what, *more, "--json"))]


def test_somebody_else_answers_for_a_while_is_listed_and_ended(approvals):
    made = told(
        approvals("delegate", "--to", "Bob@example.org", "--from", "ada@example.org",
                  "--for", "8h", "--reason", "holidays", "--json")
    )  # fmt: skip
    assert (made["of"], made["to"]) == ("ada@example.org", "bob@example.org")
    assert "bob@example.org" in approvals("delegations").output
    assert listed(approvals, "delegations") == [made["id"]]
    assert listed(approvals, "windows") == []
    assert "does not answer for ada@example.org" in approvals("end", made["id"][:8]).output
    assert listed(approvals, "delegations") == []
    assert listed(approvals, "delegations", "--past") == [made["id"]]


def test_without_a_name_it_is_for_whoever_sits_there(approvals):
    made = told(approvals("delegate", "--to", "bob@example.org", "--for", "1h", "--json"))
    assert made["of"] == f"{getpass.getuser()}@example.org".lower()


async def test_a_runbook_is_allowed_as_its_text_is_now(approvals, stored):
    limits = ("--for", "2h", "--risk", "high", "--target", "here", "--times", "3")
    made = told(await asyncio.to_thread(approvals, "allow", "restart", *limits, "--json"))
    assert (made["runbook"], made["risk"], made["target"], made["times"]) == (
        "restart",
        "high",
        "here",
        3,
    )
    (kept,) = await MongoStanding(stored).all()
    word = word_of(kept)
    Signer(SecretStr(KEY)).check_standing(word)
    ref = (await books_in(stored, Place.of())).library().get("restart").ref
    assert word.version == ref.seal
    assert "0 of 3" in (await asyncio.to_thread(approvals, "windows")).output


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (("delegate", "--to", "eve@example.org", "--from", "ada@example.org", "--for", "1h"),
         "no eve@example.org"),
        (("delegate", "--to", "bob@example.org", "--from", "bob@example.org", "--for", "1h"),
         "somebody else"),
        (("delegate", "--to", "bob@example.org", "--from", "ada@example.org", "--for", "90d"),
         "at most 60d"),
        (("allow", "nothing", "--for", "1h"), "no runbook nothing"),
        (("allow", "restart", "--for", "2d"), "at most 1d"),
        (("allow", "restart", "--for", "1h", "--risk", "critical"), "critical"),
        (("end", "ffff"), "nothing ffff holds"),
    ],
    ids=[
        "nobody",
        "oneself",
        "for too long",
        "no such runbook",
        "allowed for too long",
        "what may break most",
        "nothing to end",
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_with_what_can(approvals, arguments, because):
    refused = approvals(*arguments, code=1)
    assert because in f"{refused.output} {refused.exception}"


def test_it_has_to_say_how_long(approvals):
    assert "--for 8h" in approvals("allow", "restart", code=2).output


async def test_what_somebody_else_put_there_is_shown_as_not_signed(approvals, stored):
    words = MongoStanding(stored)
    await words.add(window(signer=STRANGER))
    await words.add(delegation(signer=STRANGER))
    for what in ("windows", "delegations"):
        (one,) = told(await asyncio.to_thread(approvals, what, "--json"))
        assert (one["signed"], one["holds"]) == (False, False)
        assert "not signed" in " ".join((await asyncio.to_thread(approvals, what)).output.split())
