"""Versions of runbooks on the command line: shown, compared, changed, out and in."""

import getpass
import json

import pytest
from pymongo import MongoClient

from tests.deploy.records import SESSION
from tests.planner.books import Books, text

ODD = text("odd").replace("\n", "\r\n") + "# the end: \N{SNOWMAN}, without a line break"


@pytest.fixture
async def books(stored, tmp_path, monkeypatch):
    """Two runbooks in a folder that a planner has read."""
    folder = tmp_path / "books"
    folder.mkdir()
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(folder))
    made = Books(stored, folder)
    made.write("a.yaml", text("a"))
    made.write("b.yaml", text("b"))
    await made.planner().look()
    return made


@pytest.fixture
def runbook(books, handrail):
    """Runs a command of the group; ``json`` is what it prints with --json."""

    class Runbook:
        def __call__(self, *arguments, code=0):
            return handrail("runbook", *arguments, code=code)

        def json(self, *arguments):
            return json.loads(handrail("runbook", *arguments, "--json").stdout)

    return Runbook()


@pytest.fixture
def file(tmp_path):
    def written(said: str, name: str = "new.yaml") -> str:
        path = tmp_path / name
        path.write_bytes(said.encode())
        return str(path)

    return written


def test_versions_are_listed_with_who_when_why_and_which_is_active(runbook, file):
    runbook("edit", "a", "--file", file(text("a", "two")), "--why", "it was too slow")
    said = runbook.json("versions", "a")
    two, one = sorted(said["versions"], key=lambda each: each["who"] == "file")
    assert (two["who"], two["why"], two["active"]) == (getpass.getuser(), "it was too slow", True)
    assert (one["who"], one["active"], one["place"]) == ("file", False, "a.yaml")
    assert two["parent"] == f"a@{one['version']}"
    assert said["active"] == two["version"]
    assert [change["who"] for change in said["changes"]] == [getpass.getuser(), "file"]
    shown = runbook("versions", "a").stdout
    assert "it was too slow" in shown
    assert "the file a.yaml is new" in shown
    assert [each["name"] for each in runbook.json("versions")] == ["a", "b"]
    assert "b.yaml" in runbook("versions").stdout


def test_an_edited_version_is_active_and_its_file_wins_when_it_changes(runbook, file):
    said = runbook("edit", "a", "--file", file(text("a", "two")), "--why", "x").stdout
    assert "is active.\nIts file a.yaml wins again when it changes." in said


def test_a_version_is_shown_by_the_beginning_of_it_and_the_active_one_by_its_name(runbook, file):
    (one,) = runbook.json("versions", "a")["versions"]
    runbook("edit", "a", "--file", file(text("a", "two")), "--why", "x")
    assert runbook.json("show", "a")["description"] == "It says two."
    old = runbook.json("show", f"a@{one['version'][:5]}")
    assert (old["description"], old["version"]) == ("It says one.", one["version"])
    assert (old["active"], old["who"]) == (False, "file")
    assert runbook("show", f"a@{one['version']}", "--text").stdout == text("a")
    assert "It is active." in runbook("show", "a").stdout


def test_two_versions_are_compared(runbook, file):
    one = runbook.json("versions", "a")["active"]
    runbook("edit", "a", "--file", file(text("a", "two")), "--why", "x")
    two = runbook.json("versions", "a")["active"]
    said = runbook.json("diff", "a", one)
    assert (said["from"], said["to"]) == (one, two)
    assert "-description: It says one." in said["diff"]
    assert "+description: It says one." in runbook("diff", "a", two, one).stdout
    assert "They are the same." in runbook("diff", "a", two).stdout


def test_a_version_is_activated_and_rolled_back(runbook, file):
    one = runbook.json("versions", "a")["active"]
    for says in ("two", "three"):
        runbook("edit", "a", "--file", file(text("a", says)), "--why", "x")
    two = runbook.json("rollback", "a")["active"]
    assert runbook.json("show", f"a@{two}")["description"] == "It says two."
    assert runbook.json("rollback", "a", "--why", "worse")["active"] == one
    assert "no version of it was active before" in runbook("rollback", "a", code=1).stderr
    assert runbook.json("activate", f"a@{two}", "--why", "better")["active"] == two
    assert runbook.json("rollback", "a")["active"] == one


def test_a_runbook_is_turned_off_and_on(runbook):
    assert "is off, by" in runbook("off", "a", "--why", "it broke the shop").stdout
    off = runbook.json("versions", "a")
    assert (off["active"], off["why"], off["versions"][0]["active"]) == (
        None,
        "it broke the shop",
        False,
    )
    assert "is off, by" in runbook("show", "a").stdout
    assert "it broke the shop" in runbook("versions", "a").stdout
    assert runbook.json("on", "a", "--why", "mended")["active"] == off["version"]


def test_who_turns_off_what_others_include_is_told(runbook, file):
    runbook("import", file(text("whole", includes="a")), "--why", "x")
    assert "since they include it: whole" in runbook("off", "a", "--why", "x").stderr


def test_a_fork_has_another_name_and_is_off_at_first(runbook, file):
    head = runbook.json("fork", "a", "a-eu")
    assert (head["name"], head["active"], head["off"]) == ("a-eu", None, True)
    (made,) = runbook.json("versions", "a-eu")["versions"]
    assert (made["origin"], made["parent"]) == (
        "forked",
        f"a@{runbook.json('show', 'a')['version']}",
    )
    assert runbook("show", "a-eu", "--text").stdout == text("a").replace("name: a,", "name: a-eu,")
    changed = file(text("a", "eu"))
    runbook("fork", "a", "a-us", "--edit", changed)
    runbook("on", "a-us", "--why", "it is tried")
    assert runbook.json("show", "a-us")["description"] == "It says eu."
    assert "there is a runbook b already" in runbook("fork", "a", "b", code=1).stderr


@pytest.mark.parametrize("name", ["odd.yaml", "odd.yml", "odd"])
def test_what_goes_out_as_yaml_and_in_again_is_the_same_byte_for_byte(
    runbook, file, tmp_path, name
):
    runbook("import", file(ODD, name), "--why", "x")
    runbook("export", "odd", "--out", str(tmp_path / "out"))
    out = tmp_path / "out" / "odd.yaml"
    assert out.read_bytes() == ODD.encode()
    assert runbook("export", "odd").stdout_bytes == ODD.encode()
    version = runbook.json("versions", "odd")["active"]
    assert runbook.json("import", str(out), "--why", "y")["active"] == version
    assert len(runbook.json("versions", "odd")["versions"]) == 1


def test_json_goes_out_and_in_with_the_text_beside_what_it_says(runbook, file, tmp_path):
    runbook("import", file(ODD), "--why", "x")
    said = runbook.json("export", "odd", "--format", "json")
    assert said["runbook"]["steps"][0]["run"] == "date"
    runbook("export", "--all", "--format", "json", "--out", str(tmp_path / "out"))
    before = runbook.json("versions")
    files = [str(path) for path in sorted((tmp_path / "out").iterdir())]
    assert [path.rpartition("/")[2] for path in files] == ["a.json", "b.json", "odd.json"]
    runbook("import", *files, "--why", "y")
    assert runbook.json("versions") == before


def test_json_that_a_program_changed_keeps_the_comments_of_the_rest(runbook, file):
    said = runbook.json("export", "a", "--format", "json")
    said["runbook"]["steps"][0]["run"] = "uptime"
    runbook("import", file(json.dumps(said), "a.json"), "--why", "x")
    now = runbook("show", "a", "--text").stdout
    assert "run: uptime" in now
    assert "# one" in now


def test_nothing_is_changed_when_one_of_the_files_is_wrong(runbook, file):
    wrong = file(text("c").replace("run: date", "rum: date"), "c.yaml")
    said = runbook("import", file(text("d"), "d.yaml"), wrong, "--why", "x", code=2).stderr
    assert f"{wrong}:6:" in said
    assert "there is no such field" in said
    assert [each["name"] for each in runbook.json("versions")] == ["a", "b"]


def test_files_that_include_each_other_come_in_together(runbook, file):
    whole = file(text("whole", includes="part"), "whole.yaml")
    assert "there is no runbook part" in runbook("import", whole, "--why", "x", code=2).stderr
    part = file(text("part"), "part.yaml")
    heads = runbook.json("import", whole, part, "--why", "x")
    assert [bool(head["active"]) for head in heads] == [True, True]
    circle = file(text("part", includes="whole"), "part.yaml")
    said = runbook("edit", "part", "--file", circle, "--why", "x", code=2).stderr
    assert "include each other" in said


def test_a_file_with_something_else_in_it_is_not_written_over(runbook, tmp_path):
    (tmp_path / "a.yaml").write_text("mine")
    arguments = ("export", "a", "--out", str(tmp_path))
    assert "--force writes over it" in runbook(*arguments, code=1).stderr
    assert (tmp_path / "a.yaml").read_text() == "mine"
    runbook(*arguments, "--force")
    assert (tmp_path / "a.yaml").read_text() == text("a")


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("versions", "nobody"), 1, "there are no versions of a runbook nobody (of: a, b)"),
        (("show", "a@ffff0"), 1, "there is no version a@ffff0 (a has: "),
        (("activate", "a", "--why", "x"), 2, "say which version: a@"),
        (("activate", "a@ffff0", "--why", "x"), 1, "there is no version a@ffff0"),
        (("off", "a"), 2, "--why"),
        (("off", "nobody", "--why", "x"), 1, "there are no versions of a runbook nobody"),
        (("export",), 2, "say which: NAME"),
        (("export", "--all"), 2, "say --out DIR"),
        (("import", "absent.yaml", "--why", "x"), 2, "absent.yaml:1:1: cannot be read"),
        (("fork", "a", "Not A Name"), 2, "metadata.name"),
    ],
)
def test_what_cannot_be_is_told(runbook, arguments, code, reason):
    assert reason in runbook(*arguments, code=code).stderr


@pytest.mark.parametrize(
    ("name", "said", "reason"),
    [
        ("x.json", "{", "x.json:1:2: Expecting property name"),
        ("x.json", "[]", "one runbook is expected, and it has 0"),
        ("x.json", '{"format": "other"}', "export it again"),
        ("x.json", "[1]", "a runbook is expected, as `export` writes it"),
        ("x.yaml", text("b"), "it is the runbook b, not a; `handrail runbook fork a NEW`"),
    ],
)
def test_a_file_that_is_no_text_for_the_runbook_is_refused(runbook, file, name, said, reason):
    code = 1 if "fork a NEW" in reason else 2
    result = runbook("edit", "a", "--file", file(said, name), "--why", "x", code=code)
    assert reason in result.stderr


def test_without_anything_running_the_file_is_shown_and_versions_say_why_not(runbook, monkeypatch):
    monkeypatch.delenv("HANDRAIL_MONGO_URL")
    assert runbook("show", "a", "--text").stdout == text("a")
    assert runbook.json("show", "a")["file"].endswith("a.yaml")
    assert "not running here" in runbook("versions", "a", code=1).stderr
    assert "not running here" in runbook("show", "a@1", code=1).stderr


def test_a_session_shows_the_version_that_it_began_with(stored, handrail):
    assert "Restart a service  restart@1" in handrail("session", "show", str(SESSION)).stdout


def test_a_version_that_is_wrong_by_now_can_be_printed_all_the_same(runbook, stack, books):
    old = text("a").replace("handrail/v1", "handrail/v0")
    with MongoClient(stack.mongo_url) as client:
        versions = client[books.store._versions.database.name].runbook_versions
        versions.update_one({"name": "a"}, {"$set": {"text": old}})
    assert "--text prints it as it is\na.yaml:1:" in runbook("show", "a", code=1).stderr
    assert runbook("show", "a", "--text").stdout == old
