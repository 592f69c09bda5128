"""``handrail runbook search``: queries in, one answer a line out, with nothing running."""

import json

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from tests.runbook.runbooks import WHOLE

OTHER = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: unfinished, title: Renew a certificate}
match: {text: certificate expires}
"""


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "restart.yaml").write_text(WHOLE)
    (folder / "unfinished.yaml").write_text(OTHER)
    return folder


@pytest.fixture
def search(library, tmp_path, monkeypatch):
    """Runs the command; its answers as data."""
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(library))

    def run(*arguments: str, lines: str | bytes = "", code: int = 0):
        command = ["runbook", "search", *arguments]
        result = CliRunner().invoke(app, command, input=lines)
        assert result.exit_code == code, result.output
        return result

    return run


def test_each_line_gets_one_line_of_json(search):
    lines = "connection refused, service stopped answering\n\ncoffee machine leaks\n"
    said = search("--json", "--words-only", lines=lines).stdout.splitlines()

    first, second = (json.loads(line) for line in said)
    assert first["query"] == "connection refused, service stopped answering"
    assert first["verdict"] == "clear"
    assert first["hits"][0]["name"] == "restart-service"
    assert first["hits"][0]["title"] == "Restart a service that stopped answering"
    assert first["hits"][0]["score"] > 0
    assert first["hits"][0]["why"]
    assert first["ranked_by"] == "words"
    assert second["verdict"] == "none"


def test_texts_may_be_arguments(search):
    said = search("--json", "--words-only", "certificate expires", "service stopped").stdout
    names = [json.loads(line)["hits"][0]["name"] for line in said.splitlines()]
    assert names == ["unfinished", "restart-service"]


def test_a_hit_says_what_is_wrong_with_its_file(search):
    answer = json.loads(search("--json", "--words-only", "certificate expires").stdout)
    assert "description" in " ".join(answer["hits"][0]["mistakes"])


def test_people_are_told_why_and_when_nothing_fits(search):
    said = search("--words-only", "certificate expires", "coffee machine leaks").stdout
    assert "clear: unfinished is well ahead" in said
    assert "certificate in title and text" in said
    assert "none: " in said
    assert "Ranked by words over 2 runbooks." in said


def test_another_library_and_fewer_hits_can_be_asked_for(search, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    for name in "abc":
        text = OTHER.replace("unfinished", name)
        (folder / f"{name}.yaml").write_text(text)
    options = ("--library", str(folder), "--limit", "2", "--json", "--words-only")
    answer = json.loads(search(*options, "certificate").stdout)
    assert [hit["name"] for hit in answer["hits"]] == ["a", "b"]
    assert answer["choices"] == ["a", "b", "c"]


def test_what_is_left_out_is_told_beside_the_answers(search, library):
    (library / "broken.yaml").write_text("a: [\n")
    result = search("--json", "--words-only", "certificate expires")
    assert f"left out: {library / 'broken.yaml'}:2:1: " in result.stderr
    assert json.loads(result.stdout)["verdict"] == "clear"


def test_bytes_that_are_no_text_are_answered_too(search):
    said = search("--json", "--words-only", lines=b"\xff certificate expires\n").stdout
    assert json.loads(said)["hits"][0]["name"] == "unfinished"


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_no_library_is_one_clear_line(search, tmp_path, name):
    (tmp_path / "empty").mkdir()
    said = search("--library", str(tmp_path / name), "disk", code=1).stderr
    assert str(tmp_path / name) in said
    assert len(said.strip().splitlines()) == 1


def test_with_a_model_vectors_are_kept_at_home(search, tmp_path):
    pytest.importorskip("onnxruntime", reason="handrail[embeddings] is not installed")
    answer = json.loads(search("--json", "certificate expires").stdout)
    assert answer["ranked_by"] == "words and meaning"
    assert "cosine" in answer["hits"][0]["why"][-1]
    assert (tmp_path / "home" / "search" / "vectors.sqlite3").is_file()
