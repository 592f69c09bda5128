"""The runbooks that commands look at: what is active where it can be known, else a folder."""

import json

import pytest

from deploy.connection import Place
from deploy.library import ActiveVersions, Folder, NoLibraryError, books_in
from shared.runbook import load_runbooks
from tests.deploy.backtests import told
from tests.planner.books import Books, text
from tests.runbook.runbooks import WHOLE

CONFIG = "targets: {here: {connector: local}}\n"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with one runbook in it, and nothing that runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path / "home"))
    for name in ("HANDRAIL_MONGO_URL", "HANDRAIL_NATS_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "restart.yaml").write_text(WHOLE)
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
async def active(site, stored, monkeypatch):
    """An installation whose only active runbook, ``b``, stands in none of these files."""
    elsewhere = site / "elsewhere"
    elsewhere.mkdir()
    made = Books(stored, elsewhere)
    made.write("a.yaml", text("a"))
    made.write("b.yaml", text("b"))
    await made.planner().look()
    (elsewhere / "a.yaml").unlink()
    await made.planner().look()
    return stored


async def test_what_is_active_is_looked_at_where_it_can_be_known(active):
    books = await books_in(active, Place.of())
    assert [one.name for one in books.library().runbooks] == ["b"]
    assert [one.name for one in books.documents().documents] == ["b"]
    assert books.said == "1 active version of this installation"


async def test_a_folder_that_is_asked_for_goes_before_what_is_active(active, site):
    books = await books_in(active, Place.of(), site / "runbooks")
    assert books == Folder(site / "runbooks")
    assert [one.name for one in books.library().runbooks] == ["restart-service"]


async def test_where_nothing_runs_it_is_the_folder(site):
    books = await books_in(None, Place.of())
    assert books.said == "the folder runbooks, since nothing runs"


async def test_a_store_that_does_not_answer_is_named_without_its_password(site, monkeypatch):
    monkeypatch.setenv("HANDRAIL_MONGO_URL", "mongodb://ann:hunter2@db.example:1/")
    books = await books_in(None, Place.of())
    assert books.said == "the folder runbooks, since MongoDB does not answer at db.example:1"


async def test_a_store_that_no_planner_has_seen_has_no_versions_to_look_at(site, stored):
    books = await books_in(stored, Place.of())
    assert isinstance(books, Folder)
    assert "no planner has read runbooks" in books.said


async def test_an_installation_in_which_all_are_off_has_no_runbooks(active):
    await active.runbook_heads.update_many({}, {"$set": {"off": True}})
    assert await books_in(active, Place.of()) == ActiveVersions(())


async def test_a_version_that_is_wrong_by_todays_rules_is_left_out_and_told(active):
    await active.runbook_versions.update_many({"name": "b"}, {"$set": {"text": "kind: Runbook\n"}})
    library = (await books_in(active, Place.of())).library()
    assert not library.runbooks
    assert library.problems[0].file.startswith("b@")


async def test_no_folder_where_one_is_asked_for_is_told(site):
    with pytest.raises(NoLibraryError, match="--library nowhere: there is no such folder"):
        await books_in(None, Place.of(), site.relative_to(site) / "nowhere")


COMMANDS = {
    "search": ("runbook", "search", "--words-only", "words of it"),
    "explain": ("policy", "explain", "alerts.json"),
    "backtest": ("backtest", "old.jsonl"),
    "preview": ("runbook", "run", "b", "--preview"),
}


@pytest.fixture
def alerts(site):
    alert = told(0).alert.model_dump(mode="json")
    (site / "alerts.json").write_text(json.dumps([alert]))
    (site / "old.jsonl").write_text(json.dumps({"at": "2026-03-01T10:00:00Z", "alert": alert}))


def first(said: str):
    document = json.loads(said)
    return document[0] if isinstance(document, list) else document


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_says_that_it_used_what_is_active(handrail, active, alerts, command):
    said = handrail(*command, "--json")
    assert "runbooks: 1 active version of this installation\n" in said.stderr
    assert first(said.stdout)["runbooks"]["from"] == "versions"


@pytest.mark.parametrize("name", ["search", "explain", "backtest"])
def test_every_command_says_that_it_used_the_folder(handrail, site, alerts, name):
    said = handrail(*COMMANDS[name], "--json")
    assert "runbooks: the folder runbooks, since nothing runs\n" in said.stderr
    assert first(said.stdout)["runbooks"] == {
        "from": "folder",
        "said": "the folder runbooks, since nothing runs",
        "folder": "runbooks",
    }


@pytest.mark.parametrize("name", ["search", "explain", "backtest"])
def test_every_command_takes_a_folder_while_something_runs(handrail, active, alerts, site, name):
    said = handrail(*COMMANDS[name], "--library", "elsewhere", "--json")
    assert first(said.stdout)["runbooks"]["said"] == "the folder elsewhere"


def test_a_runbook_with_mistakes_is_told_where_a_command_leaves_it_out(handrail, site, alerts):
    (site / "runbooks" / "wrong.yaml").write_text("kind: Runbook\n")
    said = handrail("policy", "explain", "alerts.json", "--json")
    assert "left out: runbooks/wrong.yaml:1:1: " in said.stderr
    assert len(load_runbooks(site / "runbooks").problems) >= 1


def test_with_a_model_commands_search_as_the_planner_does(handrail, site, alerts):
    pytest.importorskip("onnxruntime", reason="handrail[embeddings] is not installed")
    (site / "runbooks" / "b.yaml").write_text(text("b"))
    (explained,) = json.loads(handrail("policy", "explain", "alerts.json", "--json").stdout)
    assert "by meaning (cosine" in explained["notes"][0]
    report = json.loads(handrail("backtest", "old.jsonl", "--json").stdout)
    assert report["searched_by"] == "words and meaning"
