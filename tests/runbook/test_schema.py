"""The published JSON Schema."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from shared.runbook.schema import document, main, text
from tests.runbook.library import CLEAN, MANY, TELL
from tests.runbook.runbooks import WHOLE

PUBLISHED = Path(__file__).parents[2] / "docs" / "runbook.schema.json"


def accepts(written: str) -> bool:
    loaded = json.loads(json.dumps(YAML(typ="safe").load(written)))
    return jsonschema_rs.is_valid(document(), loaded)


def test_the_committed_document_is_not_stale():
    assert PUBLISHED.read_text() == text()


def test_what_is_stale_is_said(tmp_path, capsys):
    stale = tmp_path / "schema.json"
    stale.write_text("{}")
    assert main(["--check", str(stale)]) == 1
    assert "stale" in capsys.readouterr().err
    assert main(["--write", str(stale)]) == 0
    assert main(["--check", str(stale)]) == 0


def test_it_is_a_schema():
    assert jsonschema_rs.meta.is_valid(document())


@pytest.mark.parametrize("written", [WHOLE, CLEAN, TELL, MANY])
def test_it_accepts_what_handrail_accepts(written):
    assert accepts(written)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timeout: 2m", "timout: 2m"),
        ("timeout: 2m", "timeout: 2"),
        ("risk: high", "risk: huge"),
        ("handrail/v1", "handrail/v2"),
        ("uses: prometheus, ", ""),
        ("id: restart", "id: Restart"),
        ("from: labels.instance", "from: instance"),
    ],
)
def test_it_refuses_what_handrail_refuses(old, new):
    assert not accepts(WHOLE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("action: POST\n", "action: PSOT\n"),
        ("action: for,", "action: four,"),
        ("{duration: 30s}", "{time: 30s}"),
        ("with: {duration: 30s}", ""),
        ("interpreter: python3", "interpreter: perl"),
        ("uses: wait,", "uses: wait, target: x,"),
    ],
)
def test_it_knows_actions_and_their_arguments(old, new):
    assert old in MANY
    assert not accepts(MANY.replace(old, new, 1))


def test_durations_are_written_as_people_write_them():
    assert document()["$defs"]["CommandStep"]["properties"]["timeout"]["default"] == "1m"
