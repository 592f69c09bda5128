"""``handrail runbook``: what would run, how it looks, how to begin, whether its tests pass."""

import json

import pytest

from tests.deploy.records import TICKET
from tests.runbook.library import CLEAN, TELL

CONFIG = """\
targets:
  here: {connector: local}
  web-1: {connector: local}
policy:
  rules:
    - {name: careful, when: 'step.uses == "ssh"', require: 1}
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "clean.yaml").write_text(CLEAN)
    (folder / "tell.yaml").write_text(TELL)
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(folder))
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    return folder


def test_a_preview_has_each_step_with_what_it_would_do(library, handrail):
    ran = handrail("runbook", "run", "clean-hosts", "--preview", "--label", "group=web", "--json")
    (preview,) = json.loads(ran.stdout)
    steps = {step["id"]: step for step in preview["steps"]}
    assert preview["matched"]
    assert steps["look"]["run"] == "inventory --group web"
    assert steps["each[0]"]["run"] == "echo /var 300 8 '/var,/tmp'"
    assert steps["clean"]["policy"]["rule"] == "careful"
    assert steps["clean"]["approval"]["required"] == 2
    assert steps["tell.say"]["why"].startswith("P3 GroupDiskFull")
    assert steps["look"]["expects"] == "It lists the hosts of web."
    assert preview["obstacles"] == []


def test_people_see_a_preview_and_that_nothing_was_run(library, handrail):
    shown = handrail("runbook", "run", "clean-hosts", "--preview", "--label", "group=web").stdout
    for part in ("inventory --group web", "for each", "two people", "expects", "Nothing was run."):
        assert part in shown


def test_a_preview_takes_an_alert_from_a_file(library, handrail, tmp_path):
    file = tmp_path / "alert.json"
    said = {"source": "s", "name": "Other", "status": "firing", "fingerprint": "ab", "title": "t"}
    file.write_text(json.dumps({**said, "labels": {"group": "db"}}))
    ran = handrail("runbook", "run", "clean-hosts", "--preview", "--alert", str(file), "--json")
    (preview,) = json.loads(ran.stdout)
    assert not preview["matched"]
    assert preview["params"]["group"] == "db"


def test_a_preview_of_a_stored_ticket_uses_its_alert(stored, library, handrail):
    ran = handrail("runbook", "run", "tell", "--preview", "--ticket", str(TICKET), "--json")
    (preview,) = json.loads(ran.stdout)
    assert preview["params"]["text"] == preview["alert"]["title"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--evidence", "a=b"], "--evidence and --library go with --preview only"),
        (["--preview", "--param", "group"], "'group' is no param: write NAME=VALUE"),
        (["--preview", "--label", "group"], "'group' is no label: write NAME=VALUE"),
        (["--preview", "--label", "a=b"], "the alert has no label group"),
        (["--preview", "--label", "a=b", "--ticket", "x"], "say one of --alert, --ticket"),
    ],
)
def test_what_cannot_be_shown_is_told(library, handrail, options, told):
    assert told in handrail("runbook", "run", "clean-hosts", *options, code=1).stderr


@pytest.mark.parametrize(
    ("options", "begin"), [([], "look  ["), (["--mermaid"], "flowchart"), (["--dot"], "digraph")]
)
def test_a_graph_is_drawn(library, handrail, options, begin):
    assert handrail("runbook", "graph", "clean-hosts", *options).stdout.startswith(begin)


def test_the_schema_is_printed(handrail):
    assert json.loads(handrail("runbook", "schema").stdout)["title"] == "Handrail runbook"


def test_a_new_runbook_is_written_once(library, handrail):
    handrail("runbook", "new", "fresh")
    assert "No mistakes" in handrail("runbook", "lint").stdout
    assert "File exists" in handrail("runbook", "new", "fresh", code=1).stderr
    assert "is no name" in handrail("runbook", "new", "Not/A name", code=1).stderr


def test_tests_of_runbooks_are_run(library, handrail):
    assert "ok     clean-hosts: two hosts" in handrail("runbook", "test", "clean-hosts").stdout
    done = json.loads(handrail("runbook", "test", "--json").stdout)
    assert done["ok"]
    assert [trial["passed"] for trial in done["runbooks"]["clean-hosts"]] == [True] * 3


def test_a_test_that_fails_is_told_and_so_is_a_runbook_without_any(library, handrail):
    text = CLEAN.replace("target: web-2,", "target: web-9,")
    (library / "clean.yaml").write_text(text)
    shown = handrail("runbook", "test", "clean-hosts", code=1).stdout
    assert "target is 'web-2', not 'web-9'" in shown
    assert "has no tests" in handrail("runbook", "test", "tell", code=1).stderr


def test_every_pass_tells_its_mistakes_at_once(library, handrail):
    text = CLEAN.replace("limit: 5", "limt: 5").replace("{{ mode }}", "{{ mood }}")
    (library / "clean.yaml").write_text(text)
    told = handrail("runbook", "lint", code=1).stdout
    assert "did you mean limit?" in told
    assert "mood is no parameter" in told


def test_lint_hints_at_what_nobody_declares_and_ends_well(library, handrail):
    shown = " ".join(handrail("runbook", "lint").stdout.split())
    assert "nothing under `evidence` gathers disk.wait (a hint)" in shown
    assert "no declared target is reached by ssh (a hint)" in shown
    assert "No mistakes" in shown
    told = json.loads(handrail("runbook", "lint", "--json").stdout)
    assert (told["ok"], told["problems"]) == (True, [])
    assert {"file", "line", "column", "message"} <= told["warnings"][0].keys()


def test_lint_without_a_handrail_yaml_hints_at_nothing(library, handrail, tmp_path):
    (tmp_path / "handrail.yaml").unlink()
    assert json.loads(handrail("runbook", "lint", "--json").stdout)["warnings"] == []


def test_lint_says_when_handrail_yaml_cannot_be_asked(library, handrail, tmp_path):
    (tmp_path / "handrail.yaml").write_text("targets: 3\n")
    (hint,) = json.loads(handrail("runbook", "lint", "--json").stdout)["warnings"]
    assert "see `handrail doctor`" in hint["message"]
