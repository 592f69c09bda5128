"""The AsyncAPI document."""

import json
from pathlib import Path

import pytest

from shared.events import CATALOG
from shared.events.asyncapi import document, main, text
from tests.events.examples import EXAMPLES

COMMITTED = Path(__file__).parents[2] / "docs" / "asyncapi.json"


def test_the_committed_document_is_what_the_events_say():
    assert main(["--check", str(COMMITTED)]) == 0, "python -m shared.events.asyncapi --write …"


def test_every_event_has_a_channel_at_its_subject():
    made = document()
    assert [channel["address"] for channel in made["channels"].values()] == [
        event.subject for event in CATALOG
    ]
    assert list(made["components"]["messages"]) == [event.__name__ for event in CATALOG]


def test_every_reference_leads_somewhere():
    made = document()
    references = list(_references(made))
    assert len(references) > len(CATALOG)
    for reference in references:
        node = made
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def _references(node):
    match node:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for each in node.values():
                yield from _references(each)
        case list():
            for each in node:
                yield from _references(each)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.subject)
def test_the_payload_names_exactly_what_is_in_the_body(event):
    schema = document()["components"]["schemas"][type(event).__name__]
    body = json.loads(event.body())
    assert set(schema["properties"]) == set(body)
    assert set(schema["required"]) <= set(body)
    assert not {"id", "time"} & set(schema["properties"])


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.subject)
def test_the_headers_are_those_that_are_sent(event):
    described = document()["components"]["messages"][type(event).__name__]["headers"]
    sent = event.headers(source="triage")
    assert set(described["required"]) == set(sent) - {"Nats-Msg-Id"}
    for name, rule in described["properties"].items():
        if "const" in rule:
            assert sent[name] == rule["const"]


def test_a_stale_document_fails_the_check_and_says_what_to_do(tmp_path, capsys):
    path = tmp_path / "asyncapi.json"
    path.write_text(text() + "\n")
    assert main(["--check", str(path)]) == 1
    assert f"--write {path}" in capsys.readouterr().err
    assert main(["--write", str(path)]) == 0
    assert main(["--check", str(path)]) == 0


def test_a_missing_document_is_a_stale_one(tmp_path):
    assert main(["--check", str(tmp_path / "none.json")]) == 1


def test_without_arguments_the_document_is_printed(capsys):
    assert main([]) == 0
    assert json.loads(capsys.readouterr().out) == document()
