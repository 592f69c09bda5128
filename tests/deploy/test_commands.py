"""The commands that show data, on a real store and a real bus."""

import json
from uuid import uuid4

import nats
import pytest

from shared.bus.streams import declare_streams
from tests.deploy.records import APPROVAL, OTHER, SESSION, TICKET, ticket


def test_tickets_are_listed_the_newest_first(stored, handrail):
    tickets = json.loads(handrail("ticket", "list", "--json").stdout)

    assert [ticket["id"] for ticket in tickets] == [str(TICKET), str(OTHER)]
    assert tickets[0]["verdict"]["reasons"] == ["P1, as its source says"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [(["--state", "closed"], [OTHER]), (["--limit", "1"], [TICKET]), (["--state", "new"], [])],
)
def test_tickets_are_chosen_by_state_and_number(stored, handrail, options, ids):
    tickets = json.loads(handrail("ticket", "list", "--json", *options).stdout)

    assert [ticket["id"] for ticket in tickets] == [str(id_) for id_ in ids]


def test_people_see_tickets_as_a_table(stored, handrail):
    shown = handrail("ticket", "list").stdout

    assert "aaaa0000" in shown
    assert "in_progress" in shown
    assert "3 h ago" in shown
    assert "shop-api is down" in shown


def test_people_are_told_when_there_is_nothing(stored, handrail):
    assert "no such tickets" in handrail("ticket", "list", "--state", "new").stdout
    assert "No approval is rejected" in handrail("approvals", "list", "--state", "rejected").stdout


@pytest.fixture
async def hostile(stored):
    """A ticket whose title wants to clear the screen and to be bold."""
    title = "\x1b[2J[bold]down[/bold]\x9b5n"
    await stored.get_collection("tickets").insert_one(ticket(uuid4(), title=title, state="new"))


def test_what_a_stranger_wrote_does_not_steer_the_terminal(hostile, handrail):
    shown = handrail("ticket", "list", "--state", "new").stdout

    assert "\N{REPLACEMENT CHARACTER}[2J[bold]down[/bold]\N{REPLACEMENT CHARACTER}5n" in shown


@pytest.mark.parametrize("prefix", ["aaaa0", "aaaa0000", "aaaa0000-0000", str(TICKET)])
def test_a_ticket_is_found_by_the_beginning_of_its_id(stored, handrail, prefix):
    shown = json.loads(handrail("ticket", "show", prefix, "--json").stdout)

    assert shown["id"] == str(TICKET)
    assert shown["sessions"] == [str(SESSION)]


@pytest.mark.parametrize(
    ("prefix", "told"),
    [
        ("aaaa", f"more than one ticket begins with aaaa: {TICKET}, {OTHER}"),
        ("ffff", "there is no ticket ffff"),
        ("shop-api", "'shop-api' is not the id of a ticket"),
        ("a" * 33, "is not the id of a ticket"),
    ],
)
def test_an_id_that_is_none_is_told_in_one_line(stored, handrail, prefix, told):
    result = handrail("ticket", "show", prefix, code=1)

    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_people_see_a_ticket_with_its_verdict_and_what_was_tried(stored, handrail):
    shown = handrail("ticket", "show", "aaaa0").stdout

    for part in ("P1, as its source says", "true (90%)", "shop-api", "look: succeeded"):
        assert part in shown


def test_a_timeline_says_that_it_is_intact(stored, handrail):
    life = json.loads(handrail("ticket", "timeline", "aaaa0", "--json").stdout)

    assert life["intact"] is True
    assert [entry["subject"] for entry in life["entries"]] == ["ticket.created", "ticket.triaged"]
    assert "intact: 2 entries" in handrail("ticket", "timeline", "aaaa0").stdout


@pytest.fixture
async def forged(stored):
    await stored.get_collection("timeline").update_one({"seq": 2}, {"$set": {"why": "no reason"}})


def test_a_timeline_that_was_changed_shows_it(forged, handrail):
    life = json.loads(handrail("ticket", "timeline", "aaaa0", "--json", code=1).stdout)

    assert (life["intact"], life["broken_at"]) == (False, 2)
    assert "changed at entry 2" in handrail("ticket", "timeline", "aaaa0", code=1).stdout


def test_a_session_is_shown_with_its_steps_and_their_output(stored, handrail):
    shown = handrail("session", "show", "bbbb").stdout
    data = json.loads(handrail("session", "show", "bbbb", "--json").stdout)

    for part in ("systemctl is-active shop-api", "succeeded", "pending", "inactive"):
        assert part in shown
    assert data["session"]["runs"]["look"]["exit_code"] == 3
    assert data["output"][0]["stdout"] == "inactive\n"


@pytest.mark.parametrize("arguments", [("approvals",), ("approvals", "list")])
def test_what_waits_for_an_answer_is_listed(stored, handrail, arguments):
    shown = handrail(*arguments).stdout
    data = json.loads(handrail(*arguments, "--json").stdout)

    assert "systemctl restart shop-api" in shown
    assert "0 of 1" in shown
    assert [(each["id"], each["open"]) for each in data] == [(str(APPROVAL), True)]


def test_a_store_that_does_not_answer_is_told_without_its_password(handrail, monkeypatch, tmp_path):
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    monkeypatch.setenv("HANDRAIL_MONGO_URL", "mongodb://me:hush@127.0.0.1:1/?directConnection=true")
    monkeypatch.setenv("HANDRAIL_NATS_URL", "nats://me:hush@127.0.0.1:1")

    store_said = handrail("ticket", "list", code=1).stderr
    bus_said = handrail("dead", "list", code=1).stderr

    assert store_said == "MongoDB does not answer at 127.0.0.1:1 (HANDRAIL_MONGO_URL)\n"
    assert bus_said == "NATS does not answer at 127.0.0.1:1 (HANDRAIL_NATS_URL)\n"


@pytest.mark.parametrize("command", [("ticket", "list"), ("dead", "list"), ("approvals",)])
def test_where_nothing_runs_commands_say_how_to_start_it(handrail, monkeypatch, tmp_path, command):
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    for name in ("HANDRAIL_MONGO_URL", "HANDRAIL_NATS_URL"):
        monkeypatch.delenv(name, raising=False)

    said = handrail(*command, code=1).stderr

    assert "`handrail up`" in said
    assert "_URL" in said
    assert said.count("\n") == 1


@pytest.fixture
async def letter(stored, stack) -> int:
    """The number of a dead letter."""
    client = await nats.connect(stack.nats_url)
    js = client.jetstream()
    await declare_streams(js, replicas=1)
    headers = {
        "ce-id": str(uuid4()),
        "ce-subject": str(TICKET),
        "handrail-error": "the disk is full",
        "handrail-error-kind": "OSError",
        "handrail-subject": "ticket.created",
        "handrail-delivered": "7",
    }
    stored_at = await js.publish("dead.triage", b'{"alert": 1}', headers=headers)
    await client.close()
    return stored_at.seq


def test_dead_letters_are_listed_shown_and_brought_back(letter, handrail):
    listed = json.loads(handrail("dead", "list", "--json").stdout)
    assert listed[-1]["number"] == letter
    assert "OSError: the disk is full" in handrail("dead", "list").stdout
    assert '{"alert": 1}' in handrail("dead", "show", str(letter)).stdout

    assert "ticket.created again" in handrail("dead", "replay", str(letter)).stdout

    assert f"no dead letter {letter}" in handrail("dead", "show", str(letter), code=1).stderr


def test_a_runbook_is_shown_and_linted(handrail, monkeypatch, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("apiVersion: handrail/v1\nkind: Runbok\n")
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(tmp_path))

    said = handrail("runbook", "lint", str(wrong), code=1).stdout
    data = json.loads(handrail("runbook", "lint", "--json", code=1).stdout)

    assert f"{wrong}:2:1: kind: " in said
    assert data["ok"] is False
    assert {"file", "line", "column", "message"} == set(data["problems"][0])
    assert "there is no runbook x" in handrail("runbook", "show", "x", code=1).stderr


def test_the_runbooks_that_come_with_handrail_have_no_mistakes(handrail, monkeypatch):
    monkeypatch.delenv("HANDRAIL_RUNBOOKS", raising=False)

    assert "No mistakes" in handrail("runbook", "lint").stdout
    shown = json.loads(handrail("runbook", "show", "restart-service", "--json").stdout)
    assert shown["metadata"]["name"] == "restart-service"
    assert "systemctl" in handrail("runbook", "show", "restart-service").stdout


@pytest.mark.parametrize(
    "command", ["up", "serve", "doctor", "ticket", "session", "approvals", "runbook", "dead"]
)
def test_every_command_explains_itself(handrail, command):
    assert "Usage: " in handrail(command, "--help").stdout
    assert command in handrail("--help").stdout


def test_a_command_that_is_none_is_told(handrail):
    assert "No such command 'tickets'" in handrail("tickets", code=2).stderr


def test_the_version_is_told(handrail):
    assert handrail("--version").stdout.strip() == "0.1.0"
