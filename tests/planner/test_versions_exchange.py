"""Out and in again: YAML byte for byte, JSON with the same meaning, forks with another name."""

import json
from copy import deepcopy
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.planner.app import runbooks_directory
from shared.runbook.library import files_under, parsed_runbook
from shared.runbook.versions import Note, Origin, Version
from shared.runbook.versions.exchange import exported, imported, plain
from shared.runbook.versions.renaming import renamed
from shared.yamlsource import SourceError
from tests.planner.books import ACT, text
from tests.runbook.runbooks import WHOLE

NOTE = Note("ann", datetime(2030, 1, 2, tzinfo=UTC), "")
#: Each takes some seconds to be read so often.
SHIPPED = sorted(files_under(runbooks_directory(None)))[::8]
MERGED = WHOLE.replace("  - {id: look, uses: ssh", "  - &look {id: look, uses: ssh").replace(
    "  - id: restart\n", "  - <<: *look\n    id: restart\n"
)
BLOCK = """\
steps:
  - id: act  # the only one
    uses: local
    target: here
    run: |
      # why
      date

      true
    timeout: 90s\
"""
TEXTS = {
    "plain": text("a"),
    "crlf": text("a").replace("\n", "\r\n"),
    "no end": text("a").rstrip("\n"),
    "merged": MERGED,
    "comments": "# before\n" + WHOLE.replace("steps:\n", "steps:  # these\n  # first\n") + "# end",
    "block": text("a").replace(f"steps: [{ACT}]", BLOCK),
    "document": "--- # one\n" + text("a") + "...\n",
    "wide": text("a", title="\N{SNOWMAN} \N{GRINNING FACE}"),
}


def version(said: str) -> Version:
    return Version.of(parsed_runbook(said, file="a.yaml"), NOTE, Origin.EDITED)


def out(said: str) -> dict:
    return json.loads(json.dumps(exported(version(said))))


def back(document, file="a.json") -> str:
    (made,) = imported(json.dumps(document), file=file)
    return made


def model(said: str):
    return parsed_runbook(said, file="a.yaml").runbook.content


@pytest.mark.parametrize("said", TEXTS.values(), ids=TEXTS)
def test_an_export_comes_back_as_the_same_text(said):
    assert back(out(said)) == said
    assert imported(said, file="a.yaml") == imported(said, file="any") == [said]


@pytest.mark.parametrize("said", TEXTS.values(), ids=TEXTS)
def test_json_without_its_text_means_the_same(said):
    document = out(said)
    del document["text"]
    assert model(back(document)) == model(said)
    assert model(back(document["runbook"])) == model(said)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_runbooks_that_come_with_handrail_mean_the_same_as_json(file):
    said = file.read_text()
    document = out(said)
    assert back(document) == said
    assert model(back(document["runbook"])) == model(said)
    document["runbook"]["metadata"]["title"] += "!"
    changed = back(document)
    assert model(changed).metadata.title == model(said).metadata.title + "!"
    assert changed.count("#") >= said.count("#")


def changed(runbook):
    """A runbook that a program changed: another command, a step more or less, a label."""
    made = deepcopy(runbook)
    made["steps"][0]["run"] = "uptime"
    yield made, "# first"
    made = deepcopy(runbook)
    made["steps"] = [{**made["steps"][0], "id": "new"}, *made["steps"]]
    yield made, "# these"
    made = deepcopy(runbook)
    made["metadata"]["labels"] = {"team": "platform"}
    del made["params"]["host"]["strip_port"]
    yield made, "# end"


@pytest.mark.parametrize("nth", range(3))
def test_what_a_program_changed_is_changed_in_the_text_and_comments_stay(nth):
    document = out(TEXTS["comments"])
    said, comment = list(changed(document["runbook"]))[nth]
    document["runbook"] = said
    made = back(document)
    assert plain(made, file="a.yaml") == said
    assert comment in made
    assert "# before" in made


def test_what_came_in_by_a_merge_can_be_changed_too():
    document = out(MERGED)
    del document["runbook"]["steps"][1]["target"]
    document["runbook"]["steps"][0]["target"] = "db-1"
    assert plain(back(document), file="a.yaml") == document["runbook"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(derandomize=True, database=None, deadline=None, max_examples=60)
@given(before=st.dictionaries(st.text(), values), after=st.dictionaries(st.text(), values))
def test_any_json_is_written_so_that_it_is_read_as_it_was(before, after):
    made = back(before) if "format" not in before else ""
    if made:
        assert plain(made, file="a.yaml") == before
    document = {"format": "handrail/runbook-export/v1", "runbook": after, "text": made}
    assert plain(back(document), file="a.yaml") == after


def test_lists_of_runbooks_come_in_together():
    both = [out(text("a")), out(text("b"))]
    assert imported(json.dumps(both), file="x.json") == [text("a"), text("b")]


@pytest.mark.parametrize("said", TEXTS.values(), ids=TEXTS)
def test_a_fork_differs_in_its_name_alone(said):
    made = renamed(said, "other", file="a.yaml")
    before, after = said.split("\n"), made.split("\n")
    (line,) = [n for n, pair in enumerate(zip(before, after, strict=True)) if len(set(pair)) > 1]
    assert "name: other" in after[line]
    assert model(made).metadata.name == "other"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ('{name: "a", title: a}', "{name: other, title: a}"),
        ("{'name': 'a', title: a}", "{'name': other, title: a}"),
        ("{name: &n a, title: *n}", None),
        ("{title: &n a, name: *n}", None),
    ],
)
def test_a_name_is_changed_where_it_is_nothing_else(metadata, expected):
    said = text("a").replace("{name: a, title: a}", metadata)
    if expected is None:
        with pytest.raises(SourceError, match="the name is no plain text here"):
            renamed(said, "other", file="a.yaml")
    else:
        assert renamed(said, "other", file="a.yaml") == said.replace(metadata, expected)
