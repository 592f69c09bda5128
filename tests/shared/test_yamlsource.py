"""YAML whose mistakes are located."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.yamlsource import Problem, SourceError, read_file, read_source


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = Field(1, ge=1)

    @field_validator("name")
    @classmethod
    def _is_lower(cls, value: str) -> str:
        if value != value.lower():
            raise ValueError("use lower case")
        return value


class Box(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Item]
    by_name: dict[str, Item] = {}


def problems(text):
    with pytest.raises(SourceError) as caught:
        read_source(text, file="box.yaml").parse(Box)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_document_is_parsed():
    box = read_source("items:\n  - {name: a, size: 2}\n", file="box.yaml").parse(Box)
    assert box.items == [Item(name="a", size=2)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("items:\n  - name: a\n    size: big\n", "3:5: items.0.size: a whole number is expected"),
        ("items:\n  - name: a\n    colour: red\n", "3:5: items.0.colour: there is no such field"),
        ("items:\n  - name: a\n  - size: 2\n", "3:5: items.1.name: is missing"),
        ("items:\n  - name: A\n", "2:5: items.0.name: use lower case"),
        ("items: []\nby_name:\n  x: {name: a, size: 0}\n", "3:16: by_name.x.size: has to be"),
        ("by_name: {}\n", "1:1: items: is missing"),
        ("items: 7\n", "1:1: items: a list is expected"),
    ],
)
def test_a_mistake_is_told_where_it_stands(text, expected):
    (problem,) = problems(text)
    assert problem.startswith(f"box.yaml:{expected}")


def test_every_mistake_is_told():
    text = "items:\n  - name: A\n  - {}\n  - {name: a, size: 0}\n"
    assert [problem.split(":")[1] for problem in problems(text)] == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("items: [\n", 2, "expected"),
        ("a: 1\na: 2\n", 2, "duplicate key"),
        ("a: &x\nb: *y\n", 2, "undefined alias"),
        ("\tx: 1\n", 1, "cannot start any token"),
        ("- 1\n- 2\n", 1, "a mapping of names to values is expected"),
        ("just text\n", 1, "a mapping of names to values is expected"),
        ("", 1, "a mapping of names to values is expected"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_line(text, line, reason):
    (problem,) = problems(text)
    assert problem.startswith(f"box.yaml:{line}:")
    assert reason in problem


def test_what_a_key_holds_that_is_there_twice_is_not_repeated():
    (problem,) = problems("a: {bearer: s3cret}\na: {bearer: t0ps3cret}\n")
    assert problem.endswith('found duplicate key "a"')


def test_a_tag_never_makes_an_object():
    text = "items: !!python/object/apply:os.getcwd []\n"
    assert read_source(text, file="box.yaml").parse(Box).items == []


def test_an_anchor_may_be_used_twice():
    text = "items: [&it {name: a}, *it]\n"
    assert len(read_source(text, file="box.yaml").parse(Box).items) == 2


def test_a_file_that_cannot_be_read_is_a_problem_too(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(tmp_path / "missing.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(latin)
    with pytest.raises(SourceError, match="cannot be read"):
        read_file(Path(tmp_path))


def test_a_problem_prints_as_editors_understand_it():
    assert str(Problem("a.yaml", 3, 5, "no")) == "a.yaml:3:5: no"
