"""``handrail backtest`` on the command line."""

import asyncio
import json
from datetime import timedelta

import pytest

from services.ingest.history.entry import Entry
from services.ingest.history.store import MongoHistory
from services.ingest.ticket import Decision
from shared.runbook import load_runbooks
from tests.deploy.backtests import START, told
from tests.ingest.payloads import body, fired

CONFIG = "targets: {here: {connector: local}}\n"
RUNBOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: fix, title: Fix it}
description: Small.
match: {alerts: [Down, TargetDown]}
steps: [{id: act, uses: local, target: here, run: "true", risk: %s, effect: once}]
verify: [{uses: local, target: here, run: "true"}]
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with a configuration and one runbook that asks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(tmp_path / "books"))
    for folder, risk in (("books", "high"), ("other", "low")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "fix.yaml").write_text(RUNBOOK % risk)
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def old(site):
    """Writes old alerts as JSON Lines; gives the file's name."""

    def write(*alerts, before=""):
        lines = [json.dumps(listed(one)) for one in alerts]
        (site / "old.jsonl").write_text("\n".join([*filter(None, [before]), *lines]))
        return "old.jsonl"

    return write


def listed(one):
    return {"at": one.at.isoformat(), "alert": one.alert.model_dump(mode="json")}


def test_a_report_is_told_to_people_and_to_programs(handrail, old):
    file = old(told(0), told(1, "Odd"), told(2, over=True))
    said = handrail("backtest", file).stdout
    for line in (
        "3 alerts from 2026-03-01T10:00:00+00:00 to 2026-03-01T10:02:00+00:00",
        "2  opened a ticket",
        "1  ask one person",
        "1  escalated, as no runbook applies",
        "1  high risk",
        "no runbook applies to the alert Odd",
    ):
        assert line in said
    report = json.loads(handrail("backtest", file, "--json").stdout)
    assert report["schema"] == 1
    assert report["would"]["alerts"] == {"opened": 2, "resolved": 1}


def test_a_wrong_line_is_told_and_the_rest_is_read(handrail, old):
    file = old(told(0), told(1, "Odd"), before='{"alert": 7}')
    said = handrail("backtest", file, "--json", code=1)
    assert "old.jsonl:1: " in said.stderr
    assert json.loads(said.stdout)["read"]["alerts"] == 2


def test_a_file_that_is_not_there_is_told(handrail, site):
    assert "none.jsonl: cannot be read" in handrail("backtest", "none.jsonl", code=1).stderr


def test_what_is_no_file_of_alerts_and_no_other_version_is_told(handrail, old, site):
    said = handrail("backtest", "handrail.yaml", code=1).stderr
    assert "handrail.yaml:1: this is YAML; alerts of another time are" in said
    said = handrail("backtest", old(told(0)), "--against", "nowhere", code=2).output
    assert "--against nowhere: there is no such file or folder" in said


def test_csv_and_webhooks_are_read_like_for_an_import(handrail, site):
    (site / "old.csv").write_text("name,status,starts_at\nDown,firing,2026-03-01T10:00:00Z\n")
    (site / "hooks.json").write_bytes(body(fired()))
    rows = handrail("backtest", "old.csv", "--source", "legacy", "--json")
    hooks = handrail("backtest", "hooks.json", "--source", "alertmanager", "--json")
    for said in (rows, hooks):
        assert json.loads(said.stdout)["would"]["outcomes"] == {"asks_1": 1, "matched": 1}


def test_only_what_happened_since_a_time_counts(handrail, old):
    file = old(told(0), told(90, "Odd"))
    said = handrail("backtest", file, "--since", "2026-03-01T11:00:00+00:00", "--json")
    assert json.loads(said.stdout)["read"]["alerts"] == 1


def test_a_runbook_that_cannot_be_used_is_told_and_fails(handrail, old, site):
    (site / "books" / "wrong.yaml").write_text("kind: Runbook\n")
    assert "wrong.yaml:1:1" in handrail("backtest", old(told(0)), code=1).stderr


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        ({"policy.yaml": "rules: [{name: go, auto: true}]\n"}, {"asks_more_now": 1}),
        ({"handrail.yaml": "{}\n"}, {"matched_now": 1}),
        ({"main/handrail.yaml": CONFIG + "policy: {modes: {sources: {am: observe}}}\n"},
         {"told_only_no_more": 1}),
        ({"main/runbooks/fix.yaml": RUNBOOK % "critical"}, {"asks_fewer_now": 1}),
        ({"main/fix.yaml": RUNBOOK % "low"}, {"asks_more_now": 1}),
    ],
)  # fmt: skip
def test_another_version_is_a_policy_a_configuration_or_a_folder(
    handrail, old, tmp_path, other, changed
):
    file = old(told(0))
    elsewhere = tmp_path / "elsewhere"
    for name, text in other.items():
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_text(text)
    (path,) = elsewhere.iterdir()
    said = handrail("backtest", file, "--against", str(path), "--json")
    assert json.loads(said.stdout)["changed"] == changed


def test_a_folder_with_nothing_in_it_is_no_version(handrail, old, site):
    (site / "empty").mkdir()
    said = handrail("backtest", old(told(0)), "--against", "empty", code=2)
    assert "there is no handrail.yaml and no runbook in it" in said.output


def test_people_see_what_may_do_harm_before_all_else(handrail, old, site, monkeypatch):
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(site / "other"))
    said = handrail("backtest", old(told(0)), "--against", "books").stdout.splitlines()
    assert said[0] == "1 Down: would run by itself now, and did not before"
    assert said[2].strip() == "before: asks 1 (fix): act: high risk: one person has to agree"
    assert said[3].strip() == "now: runs (fix): act: low risk: it runs without asking"


@pytest.mark.parametrize(
    ("fail_on", "code", "told_"),
    [
        ("escalated", 1, "escalated: 1"),
        ("nothing_fits", 1, "nothing_fits: 1 escalated, as no runbook applies"),
        ("unfilled,denied", 0, ""),
        ("asks_1, denied", 1, "asks_1: 1 ask one person"),
    ],
)
def test_ci_fails_on_what_it_is_told_to(handrail, old, fail_on, code, told_):
    said = handrail("backtest", old(told(0), told(1, "Odd")), "--fail-on", fail_on, code=code)
    assert told_ in said.stderr


def test_ci_fails_where_something_runs_by_itself_now(handrail, old, site, monkeypatch):
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(site / "other"))
    arguments = ("backtest", old(told(0)), "--against", "books", "--fail-on", "runs_now")
    assert "runs_now: 1 would run by itself now" in handrail(*arguments, code=1).stderr


def test_what_to_fail_on_has_to_be_known(handrail, old):
    said = handrail("backtest", old(told(0)), "--fail-on", "escalatd", code=2)
    assert "escalatd" in said.output


def test_a_saved_report_is_what_is_expected_and_every_difference_is_told(handrail, old, site):
    file = old(told(0), told(1, "Odd"))
    (site / "saved.json").write_text(handrail("backtest", file, "--json").stdout)
    handrail("backtest", file, "--expect", "saved.json")
    (site / "books" / "fix.yaml").write_text(RUNBOOK % "low")
    said = handrail("backtest", file, "--expect", "saved.json", code=1).stderr
    assert "would.outcomes.asks_1: nothing, and 1 was expected" in said
    assert "would.steps.low: 1, and nothing was expected" in said


def test_what_is_expected_has_to_be_a_report(handrail, old, site):
    (site / "saved.json").write_text("[]")
    said = handrail("backtest", old(told(0)), "--expect", "saved.json", code=1)
    assert "is no report of" in said.output


def test_without_files_it_says_what_it_needs(handrail, site):
    assert "name files, or say --history" in handrail("backtest", code=2).output


async def test_what_is_stored_is_run_with_the_records_of_today(handrail, stored, site):
    history = MongoHistory(stored, timedelta(days=9_999))
    entries = [
        Entry(one.alert, one.at, Decision.OPENED, "", None)
        for one in (told(0), told(1), told(2, "Odd"))
    ]
    await history.keep(entries)
    (runbook,) = load_runbooks(site / "books").runbooks
    off = {"runbook": "fix", "version": runbook.version, "runs": 3, "failed_in_a_row": 3}
    await stored.runbook_records.insert_one({"_id": f"fix@{runbook.version}", **off})
    said = await asyncio.to_thread(
        handrail, "backtest", "--history", "--since", START.isoformat(), "--json"
    )
    found = json.loads(said.stdout)["would"]
    assert found["alerts"] == {"opened": 2, "repeated": 1}
    assert found["outcomes"] == {"denied": 1, "nothing_fits": 1, "matched": 1}
