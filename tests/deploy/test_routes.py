"""Who would be told of what an alert leads to, on the command line."""

import json

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from tests.deploy.test_policy import ALERT, CONFIG, POLICY
from tests.runbook.runbooks import WHOLE

SCHEDULES = """\
schedules:
  primary: {layers: [{people: [ann@example.org, bob@example.org], starts: 2026-01-05}]}
  second: {layers: [{people: [bob@example.org, ann@example.org], starts: 2026-01-05}]}
"""
ROUTES = """\
routes:
  - {name: databases, when: target.labels.kind == "db", to: [dba]}
  - name: production
    when: target.environment == "production"
    to: [on-call:primary]
    escalate: [{after: 5m, to: [on-call:second]}]
    remind: {every: 4m, most: 2}
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with a configuration, a policy and one runbook."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANDRAIL_CONFIG", str(tmp_path / "handrail.yaml"))
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(tmp_path / "books"))
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "restart.yaml").write_text(WHOLE)
    (tmp_path / "handrail.yaml").write_text(CONFIG + SCHEDULES + ROUTES)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "alert.json").write_text(ALERT.model_dump_json())
    return tmp_path


def ran(*arguments):
    result = CliRunner().invoke(app, ["routes", "test", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_who_is_told_when_and_by_which_route(site):
    (told,) = json.loads(ran("alert.json", "--at", "2026-01-06T12:00Z", "--json"))
    (question,) = [one for one in told["questions"] if one["about"].startswith("step restart")]
    assert question["route"] == "production"
    assert [(one["route"], one["met"]) for one in question["considered"]] == [
        ("databases", "unknown"),
        ("production", "matched"),
    ]
    assert [(one["stage"], [to["to"] for to in one["who"]]) for one in question["told"]] == [
        ("ask", ["ann@example.org"]),
        ("remind-1", ["ann@example.org"]),
        ("escalate-1", ["bob@example.org"]),
        ("remind-2", ["ann@example.org", "bob@example.org"]),
    ]
    assert question["told"][2]["because"] == "nobody has answered for 5m"


def test_the_table_says_why(site):
    told = ran("alert.json")
    assert "databases: unknown: " in told
    assert 'production: matched: target.environment == "production"' in told
    assert "escalate-1" in told
    assert "nobody has answered for 5m" in told


def test_without_a_route_everybody_who_may_answer_is_told_at_once(site):
    (site / "handrail.yaml").write_text(CONFIG)
    told = ran("alert.json")
    assert "no route matches: everybody who may answer is asked at once" in told
    assert "Ann (email), Bob (email)" in told


def test_who_asked_for_the_ticket_is_not_asked(site):
    (site / "handrail.yaml").write_text(CONFIG)
    alert = ALERT.model_copy(update={"requested_by": "ann@example.org"})
    (site / "alert.json").write_text(alert.model_dump_json())
    told, _ = ran("alert.json").split("what becomes of it")
    assert "Bob (email)" in told
    assert "Ann (email)" not in told


def test_a_ticket_is_not_known_where_nothing_runs(site):
    result = CliRunner().invoke(app, ["routes", "test", "c0ffee"])
    assert result.exit_code == 1
    assert "there is no file c0ffee" in result.stderr


def test_what_becomes_of_it_is_told_by_routes_or_by_channels(site):
    routes = ROUTES + "  - {name: told, to: [dba], outcomes: {tell: [failed]}}\n"
    (site / "handrail.yaml").write_text(CONFIG + SCHEDULES + routes)
    (told,) = json.loads(ran("alert.json", "--json"))
    found = {one["kind"]: (one["route"], len(one["who"])) for one in told["outcomes"]}
    assert found["resolved"] == ("told", 0)
    assert found["failed"][0] == "told"
    assert found["failed"][1] > 0
    (site / "handrail.yaml").write_text(CONFIG + SCHEDULES + ROUTES)
    (told,) = json.loads(ran("alert.json", "--json"))
    found = {one["kind"]: (one["route"], bool(one["who"])) for one in told["outcomes"]}
    assert (found["resolved"], found["failed"]) == ((None, True), (None, False))
    assert "what becomes of it" in ran("alert.json")
