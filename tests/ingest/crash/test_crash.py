"""Ingest is killed at every moment between a request and its 202; nothing is lost or doubled."""

import asyncio
import json
import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.ingest.app import build
from shared.store import Database
from tests.ingest.crash.driver import Life
from tests.ingest.crash.scenarios import CONFIG, SCENARIOS
from tests.running import Streams, running, until

ROOT = Path(__file__).parents[3]
#: Two at a time, and about as long.
SHARES = (("group", "first", "repeated"), ("comeback", "resolved", "by_hand"))
# Less would mean that moments are not found any more.
DEATHS_LEAST = {
    "first": 10,
    "repeated": 12,
    "resolved": 12,
    "comeback": 12,
    "group": 20,
    "by_hand": 12,
}


@dataclass(frozen=True)
class Left:
    """What all that died have left in the store and on the streams, by their instances."""

    tickets: dict[str, list[dict]]
    alerts: dict[str, list[dict]]
    told: dict[str, dict[str, list]]


@pytest.fixture
def crashing(settings, tmp_path, monkeypatch):
    """Settings with the sources that the scenarios send to."""
    monkeypatch.setenv("CRASH_TOKEN", "sesame")
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    return settings


@pytest.mark.timeout(600)
async def test_whenever_ingest_is_killed_nothing_is_lost_or_doubled(
    stack, db, crashing, on_stream, record_property
):
    shares = (_lives(share, stack, db, crashing(stack, db.name).home) for share in SHARES)
    lives = [life for share in await asyncio.gather(*shares) for life in share]
    deaths = [life for life in lives if life.died_at]
    died = Counter(life.scenario for life in deaths)
    record_property("deaths", dict(died))
    assert all(died[name] >= least for name, least in DEATHS_LEAST.items()), died
    assert {life.answers[-1] for life in lives if not life.died_at} == {202}

    acknowledged = await _left(db, on_stream)
    for life in lives:
        _assert_kept(life, acknowledged)

    async with running(build(crashing(stack, db.name))) as client:
        await until(lambda: _all_announced(db, on_stream), within=60)
        for life in deaths:
            await _send_again(client, life)

    left = await _left(db, on_stream)
    for life in lives:
        _assert_right(life, left)


async def _lives(scenarios, stack, db: Database, home: Path) -> list[Life]:
    settings = {
        "HANDRAIL_NATS_URL": stack.nats_url,
        "HANDRAIL_MONGO_URL": stack.mongo_url,
        "HANDRAIL_MONGO_DATABASE": db.name,
        "HANDRAIL_CONFIG": str(home / "handrail.yaml"),
        "HANDRAIL_HOME": str(home),
    }
    log = home / f"{scenarios[0]}.log"
    with log.open("wb") as written:
        driver = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.ingest.crash.driver", *scenarios),
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=written,
        )
        said, _ = await driver.communicate()
    assert driver.returncode == 0, log.read_text()[-4_000:]
    lives = [json.loads(line) for line in said.splitlines()]
    return [
        Life(**{**one, "answers": tuple(one["answers"]), "moments": tuple(one["moments"])})
        for one in lives
    ]


async def _left(db: Database, streams: Streams) -> Left:
    tickets, alerts, told = defaultdict(list), defaultdict(list), defaultdict(dict)
    async for ticket in db.tickets.find({}):
        tickets[ticket["alert"]["labels"]["instance"]].append(ticket)
    async for entry in db.alerts.find({}):
        alerts[entry["alert"]["labels"]["instance"]].append(entry)
    for subject in ("ticket.created", "ticket.updated", "ticket.reopened"):
        async for message in streams.all(subject):
            about = told[message.headers["ce-subject"]]
            about.setdefault(subject, []).append(message)
    return Left(tickets, alerts, told)


async def _all_announced(db: Database, streams: Streams) -> bool:
    stored = {str(ticket["_id"]) async for ticket in db.tickets.find({}, {"_id": 1})}
    reopened = db.tickets.find({"state": "reopened"}, {"_id": 1})
    again = {str(ticket["_id"]) async for ticket in reopened}
    created = await streams.tickets("ticket.created")
    return stored <= created and again <= await streams.tickets("ticket.reopened")


async def _send_again(client: httpx.AsyncClient, life: Life) -> None:
    last = SCENARIOS[life.scenario](life.instance).last
    answer = await client.post(last.path, content=last.body, headers=last.headers)
    assert answer.status_code == 202, answer.text


def _assert_kept(life: Life, left: Left) -> None:
    """What was answered with 202 is there although its process has died."""
    scenario = SCENARIOS[life.scenario](life.instance)
    answered = (*scenario.before, scenario.last)[: len(life.answers)]
    assert len(left.alerts[life.instance]) >= sum(one.alerts for one in answered), life
    if not life.died_at:
        assert len(left.tickets[life.instance]) == scenario.tickets, life
        for ticket in left.tickets[life.instance]:
            assert left.told[str(ticket["_id"])]["ticket.created"], life


def _assert_right(life: Life, left: Left) -> None:
    """What is there in the end is the same as if nobody had died."""
    scenario = SCENARIOS[life.scenario](life.instance)
    tickets, alerts = left.tickets[life.instance], left.alerts[life.instance]
    assert len(tickets) == len({one["fingerprint"] for one in tickets}) == scenario.tickets, life
    # What was stored and not answered counts again as it is sent again.
    fired = sum(one.fired for one in (*scenario.before, scenario.last))
    count = sum(one["count"] for one in tickets)
    assert fired <= count <= fired + scenario.last.fired, (life, count)
    assert len(alerts) >= sum(one.alerts for one in (*scenario.before, scenario.last)), life
    for ticket in tickets:
        told = left.told[str(ticket["_id"])]
        assert len(told["ticket.created"]) == 1, life
        assert any(entry["ticket_id"] == ticket["_id"] for entry in alerts), life
    assert _changes(tickets, left) >= scenario.changes, life
    if life.scenario == "comeback":
        _assert_reopened(life, tickets[0], left)
    if life.scenario in {"resolved", "group"}:
        assert any(one["source_resolved_at"] and one["firing"] == [] for one in tickets), life


def _changes(tickets: list[dict], left: Left) -> set[str]:
    updates = [left.told[str(ticket["_id"])].get("ticket.updated", ()) for ticket in tickets]
    return {json.loads(one.data)["change"] for told in updates for one in told}


def _assert_reopened(life: Life, ticket: dict, left: Left) -> None:
    assert (ticket["state"], ticket["reopenings"]) == ("reopened", 1), life
    assert len(left.told[str(ticket["_id"])]["ticket.reopened"]) == 1, life
