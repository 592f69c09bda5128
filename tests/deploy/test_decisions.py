"""Answers from the terminal, given to a real notifier."""

import asyncio
import getpass
import json
from datetime import timedelta
from uuid import UUID

import pytest

from deploy.connection import NotRunningError, Place
from deploy.decisions import NotDecidedError, choose, decide
from deploy.ports import free_port
from deploy.readiness import until_ready
from deploy.services import named, run_services
from deploy.store import NotFoundError
from services.notifier.store import MongoQuestions
from shared.errors import SettingsError
from shared.events import Answer
from tests.deploy.records import APPROVAL, NOW, approval
from tests.deploy.terminal import Terminal
from tests.notifier.builders import choice
from tests.notifier.fakes import Bus

KEY = "k" * 32
CHOICE = UUID("dddd0000-0000-4000-8000-000000000001")


@pytest.fixture
def settings(db, stack, tmp_path, monkeypatch) -> dict[str, str]:
    port = free_port(0)
    said = {
        **stack.environment(),
        "HANDRAIL_HOME": str(tmp_path),
        "HANDRAIL_MONGO_DATABASE": db.name,
        "HANDRAIL_SECRET_KEY": KEY,
        "HANDRAIL_NOTIFIER_PORT": str(port),
        "HANDRAIL_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return said


@pytest.fixture
async def notifier(settings, db):
    running = asyncio.create_task(run_services(named(["notifier"])))
    url = settings["HANDRAIL_PUBLIC_URL"]
    await until_ready({"notifier": url}, within=timedelta(seconds=60))
    await db.get_collection("approvals").insert_one(approval())
    yield url
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def stored(db):
    return await db.get_collection("approvals").find_one({"_id": APPROVAL})


async def test_a_yes_from_the_terminal_is_recorded_with_its_name_and_reason(
    notifier, settings, db, tmp_path
):
    terminal = Terminal(tmp_path, settings)

    said = await terminal.run(
        "approvals", "approve", "cccc", "--yes", "--reason", "it is safe", "--json"
    )

    assert (said.code, said.err) == (0, "")
    assert said.json()["state"] == "approved"
    decision = (await stored(db))["decisions"][0]
    assert (decision["by"], decision["channel"]) == (getpass.getuser(), "terminal")
    assert decision["reason"] == "it is safe"
    assert KEY not in said.out
    assert "signature" not in json.dumps(said.json())


async def test_a_yes_that_nobody_could_look_at_first_does_not_count(
    notifier, settings, db, tmp_path
):
    said = await Terminal(tmp_path, settings).run("approvals", "approve", "cccc")

    assert said.code == 1
    assert "--yes" in said.err
    assert "systemctl restart shop-api" in said.out
    assert (await stored(db))["state"] == "pending"


async def test_a_question_is_shown_in_full(notifier, settings, db, tmp_path):
    more = {"check": "test -e /x", "rollback": "rm /x", "dry_run": "1 to add\n2 to destroy"}
    await db.get_collection("approvals").update_one({}, {"$set": more})
    said = await Terminal(tmp_path, settings).run("approvals", "show", "cccc")

    assert said.code == 0
    asked = ("systemctl restart shop-api", "web-1 (ssh)", "high", "0 of 1")
    for part in (*asked, "test -e /x", "rm /x", "1 to add", "2 to destroy"):
        assert part in said.out


async def test_a_no_from_the_terminal_needs_a_reason(notifier, settings, db, tmp_path):
    terminal = Terminal(tmp_path, settings)

    without = await terminal.run("approvals", "reject", "cccc")
    assert without.code == 2
    assert (await stored(db))["state"] == "pending"

    said = await terminal.run("approvals", "reject", "cccc", "--reason", "not on a Friday")

    assert said.out == "Recorded: systemctl restart shop-api on web-1 is rejected.\n"
    assert (await stored(db))["state"] == "rejected"


async def test_a_second_answer_is_told_that_the_first_stands(notifier, settings):
    place = Place.of(settings)
    await decide(place, "cccc", Answer.APPROVE, reason="", environment=settings)

    with pytest.raises(NotDecidedError, match="you have answered already"):
        await decide(place, "cccc", Answer.REJECT, reason="no", environment=settings)


async def test_the_first_of_two_answers_says_what_is_still_needed(notifier, settings, db, tmp_path):
    await db.get_collection("approvals").update_one({}, {"$set": {"required": 2}})
    terminal = Terminal(tmp_path, settings)

    said = await terminal.run("approvals", "approve", "cccc", "--yes")

    assert "needs 1 more yes" in said.out


async def test_an_answer_is_taken_back_from_the_terminal(notifier, settings, db, tmp_path):
    await db.get_collection("approvals").update_one({}, {"$set": {"required": 2}})
    terminal = Terminal(tmp_path, settings)
    await terminal.run("approvals", "approve", "cccc", "--yes")

    said = await terminal.run("approvals", "withdraw", "cccc", "--reason", "wrong host")
    shown = await terminal.run("approvals", "show", "cccc")
    again = await terminal.run("approvals", "withdraw", "cccc")

    assert said.out == "Taken back. It needs 2 more yes; you may answer again.\n"
    for part in ("said yes", "took that back", "wrong host", "0 of 2", "one no stops it"):
        assert part in shown.out
    assert (again.code, "nothing here that could be taken back" in again.err) == (1, True)
    assert [each["answer"] for each in (await stored(db))["decisions"]] == ["approve", "withdraw"]


@pytest.mark.parametrize(("state", "answers"), [("ready", 2), ("running", 1)])
async def test_a_settled_yes_is_taken_back_until_the_step_begins_also_after_its_time(
    notifier, settings, db, state, answers
):
    place = Place.of(settings)
    await decide(place, "cccc", Answer.APPROVE, reason="", environment=settings)
    found = await stored(db)
    runs = {found["step_id"]: {"state": state}}
    await db.sessions.insert_one({"_id": found["session_id"], "state": "waiting", "runs": runs})
    await db.approvals.update_one({}, {"$set": {"expires_at": NOW - timedelta(hours=1)}})
    if state == "ready":
        await decide(place, "cccc", Answer.WITHDRAW, reason="", environment=settings)
    else:
        with pytest.raises(NotDecidedError, match="the step has begun"):
            await decide(place, "cccc", Answer.WITHDRAW, reason="", environment=settings)
    assert len((await stored(db))["decisions"]) == answers


async def test_an_answer_that_comes_too_late_is_told_so(notifier, settings, db):
    late = {"$set": {"state": "expired", "expires_at": NOW - timedelta(seconds=1)}}
    await db.get_collection("approvals").update_one({}, late)

    with pytest.raises(NotDecidedError, match="the approval is expired"):
        await decide(Place.of(settings), "cccc", Answer.APPROVE, reason="", environment=settings)


async def test_with_another_secret_nothing_is_decided(notifier, settings, db):
    other = {**settings, "HANDRAIL_SECRET_KEY": "x" * 32}

    with pytest.raises(NotDecidedError, match="another HANDRAIL_SECRET_KEY"):
        await decide(Place.of(other), "cccc", Answer.APPROVE, reason="", environment=other)

    assert (await stored(db))["state"] == "pending"


async def test_without_a_secret_it_is_told_which_setting_is_missing(settings, db):
    await db.get_collection("approvals").insert_one(approval())
    without = {name: value for name, value in settings.items() if "SECRET" not in name}

    with pytest.raises(SettingsError, match="HANDRAIL_SECRET_KEY: is not set"):
        await decide(Place.of(without), "cccc", Answer.APPROVE, reason="", environment=without)


async def test_a_notifier_that_is_not_there_is_told_without_the_link(settings, db):
    await db.get_collection("approvals").insert_one(approval())

    with pytest.raises(NotRunningError) as raised:
        await decide(Place.of(settings), "cccc", Answer.APPROVE, reason="", environment=settings)

    assert settings["HANDRAIL_PUBLIC_URL"] in str(raised.value)
    assert "/a/" not in str(raised.value)


async def test_an_approval_that_is_none_is_told(settings, db):
    with pytest.raises(NotFoundError, match="there is no approval eeee"):
        await decide(Place.of(settings), "eeee", Answer.APPROVE, reason="", environment=settings)


@pytest.fixture
async def asked(notifier, db):
    """A choice that the person at the terminal has to make; its id begins with dddd."""
    made = choice().model_copy(update={"id": CHOICE, "expires_at": NOW + timedelta(hours=1)})
    await db.tickets.insert_one(
        {"_id": made.ticket_id, "state": "triaged", "choice": {"id": CHOICE}}
    )
    await MongoQuestions(db, Bus().publish).open(made)
    return made


async def test_a_runbook_is_chosen_from_the_terminal_with_its_name(asked, settings, db, tmp_path):
    terminal = Terminal(tmp_path, settings)

    listed = await terminal.run("approvals")
    shown = await terminal.run("approvals", "show", "dddd")
    said = await terminal.run("approvals", "choose", "dddd", "move-api", "--reason", "it is full")

    assert "which runbook: restart-api, move-api" in " ".join(listed.out.split())
    for part in ("move-api", "move shop-api", "cannot be used: parameter count"):
        assert part in shown.out
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Recorded: move-api is used.")
    stored = await db.approvals.find_one({"_id": CHOICE})
    (answer,) = stored["decisions"]
    assert (answer["by"], answer["channel"]) == (getpass.getuser(), "terminal")
    assert (answer["runbook"], answer["reason"]) == ("move-api", "it is full")


async def test_none_of_them_from_the_terminal_takes_the_ticket_over(asked, settings, db):
    said = await choose(Place.of(settings), "dddd", "none", reason="", environment=settings)

    assert (said["state"], said["chosen"]) == ("rejected", None)


@pytest.mark.parametrize(
    ("name", "told"),
    [("scale-api", "scale-api cannot be used"), ("rm-all", "there is no rm-all to choose")],
)
async def test_what_cannot_be_chosen_is_told(asked, settings, db, name, told):
    with pytest.raises(NotDecidedError, match=told):
        await choose(Place.of(settings), "dddd", name, reason="", environment=settings)

    assert (await db.approvals.find_one({"_id": CHOICE}))["state"] == "pending"


async def test_a_yes_is_no_choice_and_a_choice_is_no_yes(asked, settings):
    with pytest.raises(NotDecidedError, match="approvals choose"):
        await decide(Place.of(settings), "dddd", Answer.APPROVE, reason="", environment=settings)
    with pytest.raises(NotDecidedError, match="approvals approve"):
        await choose(Place.of(settings), "cccc", "move-api", reason="", environment=settings)


CHANGEABLE = {
    "fields": [{"name": "unit", "about": "What runs", "pattern": "[a-z-]+", "value": "shop-api"}],
    "texts": {
        "templates": {"run": "systemctl restart {{ unit }}"},
        "values": {"unit": "shop-api"},
        "patterned": ["unit"],
    },
}


@pytest.fixture
async def changeable(notifier, db):
    await db.get_collection("approvals").update_one({}, {"$set": {"changeable": CHANGEABLE}})


async def test_other_values_are_shown_and_sent_from_the_terminal(
    changeable, settings, db, tmp_path
):
    terminal = Terminal(tmp_path, settings)
    assert "--set unit" in (await terminal.run("approvals", "show", "cccc")).out
    change = ("approvals", "change", "cccc", "--set", "unit=shop-db", "--reason", "the other one")

    looked = await terminal.run(*change)
    assert looked.code == 1
    assert "- systemctl restart shop-api" in looked.out
    assert "+ systemctl restart shop-db" in looked.out
    assert (await stored(db))["state"] == "pending"

    sent = await terminal.run(*change, "--yes", "--json")
    assert (sent.code, sent.json()["state"]) == (0, "superseded")
    assert "signature" not in sent.out
    proposal = (await stored(db))["proposal"]
    assert (proposal["by"], proposal["channel"]) == (getpass.getuser(), "terminal")
    assert (proposal["values"], proposal["reason"]) == ({"unit": "shop-db"}, "the other one")

    again = await terminal.run(*change, "--yes")
    assert again.code == 1
    assert "superseded already" in again.err
    assert "wants other values" in (await terminal.run("approvals", "show", "cccc")).out


@pytest.mark.usefixtures("changeable")
@pytest.mark.parametrize(
    ("value", "why"),
    [("unit=a; reboot", "pattern"), ("host=web-2", "cannot be changed"), ("unit", "NAME=VALUE")],
)
async def test_values_that_do_not_fit_are_told_at_the_terminal(settings, db, tmp_path, value, why):
    terminal = Terminal(tmp_path, settings)
    said = await terminal.run("approvals", "change", "cccc", "--set", value, "--yes")
    assert said.code == 1
    assert why in said.err
    assert (await stored(db))["state"] == "pending"
