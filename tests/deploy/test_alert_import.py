"""``handrail alert import``: files of old alerts become history."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from services.ingest.history.store import MongoHistory
from tests.ingest.payloads import body, fired, over
from tests.ingest.test_import import OLD, OVER

CONFIG = """\
sources:
  shop:
    kind: generic
    bearer: {env: SHOP_TOKEN}
    map: {title: text, fingerprint: [host], status: state, starts_at: since}
"""


@pytest.fixture
async def history(stored):
    """The collection of alerts, with the indexes that a running ingest makes."""
    await MongoHistory(stored, timedelta(days=90)).prepare()
    return stored.alerts


@pytest.fixture
def file(tmp_path):
    """Writes a file; gives its path."""

    def write(name, *lines):
        path = tmp_path / name
        path.write_bytes(b"\n".join(lines))
        return str(path)

    return write


async def run(handrail, *arguments, code=0):
    """Run a command, which has an event loop of its own."""
    return await asyncio.to_thread(handrail, *arguments, code=code)


def line(value):
    return json.dumps(value).encode()


async def test_what_is_imported_is_listed_and_the_second_time_adds_nothing(
    history, handrail, file, stored
):
    path = file("old.jsonl", line(OLD), line(OVER))
    tickets = await stored.tickets.count_documents({})
    assert "2 imported, 0 there already" in (await run(handrail, "alert", "import", path)).stdout
    assert "0 imported, 2 there already" in (await run(handrail, "alert", "import", path)).stdout
    shown = json.loads((await run(handrail, "alert", "list", "--json")).stdout)
    assert [one["at"] for one in shown] == ["2020-05-01T10:00:00Z", "2020-05-01T09:30:00Z"]
    assert await stored.tickets.count_documents({}) == tickets


async def test_what_is_listed_comes_back_as_it_was_into_another_history(
    history, handrail, file, stored
):
    lines = [{**OLD, "labels": {"n": str(n)}, "fingerprint": f"a{n}"} for n in range(30)]
    await run(handrail, "alert", "import", file("old.jsonl", *map(line, lines)))
    listed = (await run(handrail, "alert", "list", "--json")).stdout
    await history.delete_many({})
    copy = file("copy.json", listed.encode())
    assert "30 imported" in (await run(handrail, "alert", "import", copy)).stdout
    again = (await run(handrail, "alert", "list", "--json")).stdout
    assert json.loads(again.replace("copy.json", "old.jsonl")) == json.loads(listed)
    assert "0 imported, 30 there already" in (await run(handrail, "alert", "import", copy)).stdout


async def test_mistakes_are_told_with_their_lines_and_the_rest_is_imported(history, handrail, file):
    lines = file("a.jsonl", line(OLD), b"{", line({**OVER, "status": "gone"}), line(OVER))
    table = file("b.csv", b"name,status,source,at", b"x,firing,s,2020-05-01T10:00:00Z", b"x,,s,")
    result = await run(handrail, "alert", "import", lines, table, "nowhere.json", code=1)
    assert f"{lines}:2: this is no JSON" in result.stderr
    assert f"{lines}:3: status: " in result.stderr
    assert f"{table}:3: status: " in result.stderr
    assert "nowhere.json:1: cannot be read: No such file" in result.stderr
    assert await history.count_documents({}) == 3


async def test_what_is_yet_to_happen_is_told_with_its_line_and_not_kept(history, handrail, file):
    later = datetime.now(UTC) + timedelta(minutes=6)
    path = file("a.jsonl", line(OLD), line({**OLD, "starts_at": later.isoformat()}))
    result = await run(handrail, "alert", "import", path, code=1)
    assert f"{path}:2: it happened in the future, at {later:%Y-%m-%d}T" in result.stderr
    assert "correct its time or time zone" in result.stderr
    assert await history.count_documents({}) == 1


async def test_programs_get_one_document(history, handrail, file):
    path = file("a.jsonl", line(OLD), b"{")
    (told,) = json.loads((await run(handrail, "alert", "import", "--json", path, code=1)).stdout)
    (mistake,) = told.pop("mistakes")
    assert told == {"file": path, "alerts": 1, "imported": 1, "known": 0, "wrong": 1}
    assert mistake["line"] == 2


def test_a_dry_run_needs_nothing_that_runs_and_keeps_nothing(handrail, file, tmp_path, monkeypatch):
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    monkeypatch.delenv("HANDRAIL_MONGO_URL", raising=False)
    path = file("a.jsonl", line(OLD), b"{")
    result = handrail("alert", "import", "--dry-run", path, code=1)
    assert f"{path}: 1 alerts, 1 wrong; nothing was kept" in result.stdout


async def test_bodies_of_a_kind_are_read_by_its_parser(history, handrail, file):
    path = file("am.jsonl", body(fired(instance="a"), over(instance="b")), body(fired()))
    await run(handrail, "alert", "import", "--source", "alertmanager", path)
    kept = [one async for one in history.find().sort("resource", 1)]
    assert [(one["resource"], one["status"]) for one in kept] == [
        ("a", "firing"),
        ("b", "resolved"),
        ("web-1:9100", "firing"),
    ]


async def test_bodies_of_a_configured_source_need_none_of_its_secrets(
    history, handrail, file, tmp_path
):
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    sent = {"text": "Full", "host": "h1", "state": "ok", "since": 1588327200}
    await run(handrail, "alert", "import", "--source", "shop", file("shop.json", line([sent])))
    kept = await history.find_one()
    assert (kept["source"], kept["title"], kept["status"]) == ("shop", "Full", "resolved")


def test_bodies_of_a_source_that_nobody_knows_are_refused(handrail, file):
    result = handrail(
        "alert", "import", "--dry-run", "--source", "nosuch", file("a.json", line(OLD)), code=2
    )
    assert "no source nosuch" in result.output


async def test_many_alerts_are_kept_in_batches(history, handrail, file):
    rows = [b"name,status,resource,at"]
    rows += [f"Disk,firing,h{n},2020-05-01T10:00:00Z".encode() for n in range(2_500)]
    result = await run(handrail, "alert", "import", "--source", "old", file("many.csv", *rows))
    assert "2500 imported" in result.stdout
    assert await history.count_documents({"source": "old", "decision": "imported"}) == 2_500


def test_the_input_can_be_a_pipe():
    content = line(OLD) + b"\n" + line(OVER)
    result = CliRunner().invoke(app, ["alert", "import", "--dry-run", "-"], input=content)
    assert result.exit_code == 0
    assert "-: 2 alerts" in result.stdout
