"""What is read for the search: all that says its name, and what is wrong with the rest."""

from pathlib import Path

import pytest

from shared.runbook.search import read_documents
from shared.runbook.search.document import Field
from tests.runbook.runbooks import WHOLE

UNFINISHED = "metadata: {name: half, title: Half a runbook}\nmatch: {alerts: [DiskFull]}\n"


def test_a_file_with_mistakes_is_searched_too(tmp_path):
    (tmp_path / "a.yaml").write_text(WHOLE.replace("timeout: 2m", "timeout: soon"))
    (tmp_path / "b.yaml").write_text(UNFINISHED)
    read = read_documents(tmp_path)
    assert [document.name for document in read.documents] == ["restart-service", "half"]
    assert read.problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\n", "a.yaml:2:1: "),
        ("just text\n", "no metadata.name"),
        ("- a\n- b\n", "no metadata.name"),
        ("metadata: {title: No name}\n", "no metadata.name"),
        ("", "no metadata.name"),
        ("a: 2026-99-99\n", "a.yaml"),
        ("a: &x [*x\n", "a.yaml"),
        ("a: 1\n---\nb: 2\n", "a.yaml"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_searched(tmp_path, text, said):
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(UNFINISHED)
    read = read_documents(tmp_path)
    assert [document.name for document in read.documents] == ["half"]
    assert said in str(read.problems[0])


def test_bytes_that_are_no_text_are_told(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in read_documents(tmp_path).problems[0].message


def test_of_two_with_one_name_the_first_is_searched(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(UNFINISHED)
    read = read_documents(tmp_path)
    assert [Path(document.file).name for document in read.documents] == ["a.yaml"]
    assert "the name half is taken by" in read.problems[0].message


def test_fields_that_are_of_a_wrong_kind_count_as_empty(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "metadata: {name: odd, title: 7, labels: [x]}\n"
        "match: {alerts: DiskFull, text: }\nsteps: restart\nverify: [3, {query: [up]}]\n"
    )
    (document,) = read_documents(tmp_path).documents
    assert document.title == "7"
    assert document.fields[Field.ALERTS] == ("disk", "full")


def test_the_first_paragraph_is_told_from_the_rest_of_the_description(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "metadata: {name: a, title: A}\n"
        "description: |\n  # Heading\n\n  Postfix hangs.\n\n  Look at the queue.\n"
    )
    (document,) = read_documents(tmp_path).documents
    assert document.fields[Field.SUMMARY] == ("postfix", "hang")
    assert document.fields[Field.DESCRIPTION] == ("head", "look", "queue")


def test_a_templates_placeholders_are_no_words(tmp_path):
    (tmp_path / "a.yaml").write_text(WHOLE)
    (document,) = read_documents(tmp_path).documents
    assert "systemctl" in document.fields[Field.STEPS]
    assert "host" not in document.fields[Field.STEPS]
