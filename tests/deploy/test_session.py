"""Sessions on the terminal: listed with what they wait for, shown, and followed as they run."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import nats
import pytest

from services.executor.output import subject
from shared.lifecycle import SessionState, StepState
from tests.deploy.records import SESSION, session
from tests.deploy.terminal import Terminal


def chunk(text, offset=0):
    return {
        "_id": f"chunk/{offset}",
        "session_id": SESSION,
        "step_id": "restart",
        "attempt": 1,
        "fence": 1,
        "stream": "stdout",
        "offset": offset,
        "text": text,
        "at": datetime.now(UTC),
    }


def runs(**changed):
    """The session of the records after some of its runs changed."""
    document = session()
    for step_id, fields in changed.items():
        document["runs"].setdefault(step_id, {}).update(fields)
    return {"runs": document["runs"]}


def began(*, ago):
    return {
        "state": StepState.RUNNING.value,
        "owner": "me",
        "attempt": 1,
        "fence": 1,
        "question_id": None,
        "started_at": (datetime.now(UTC) - ago).isoformat(),
    }


@pytest.fixture
def typed(stored, handrail):
    """Runs a command in this process, beside the loop of the test."""

    async def run(*arguments):
        return (await asyncio.to_thread(handrail, *arguments)).stdout

    return run


async def test_sessions_are_listed_with_what_they_wait_for(stored, typed):
    waits = {"state": StepState.AWAITING_APPROVAL.value, "asked_at": datetime.now(UTC).isoformat()}
    await stored.sessions.update_one({"_id": SESSION}, {"$set": runs(restart=waits)})
    assert "a yes of one person to restart" in await typed("session", "list")
    (listed,) = json.loads(await typed("session", "list", "--active", "--json"))
    assert (listed["id"], listed["state"], listed["stuck"]) == (str(SESSION), "waiting", False)
    assert [wait["kind"] for wait in listed["waits"]] == ["approval"]


async def test_only_sessions_that_should_have_moved_on_are_stuck(stored, typed):
    now = runs(restart=began(ago=timedelta(0)))
    await stored.sessions.update_one({"_id": SESSION}, {"$set": now})
    assert json.loads(await typed("session", "list", "--stuck", "--json")) == []
    late = runs(restart=began(ago=timedelta(hours=1)))
    await stored.sessions.update_one({"_id": SESSION}, {"$set": late})
    shown = await typed("session", "list", "--stuck")
    assert "its timeout of 60 s is over" in shown
    assert "its timeout of 60 s is over" in await typed("session", "show", str(SESSION))


async def test_sessions_that_have_ended_are_not_active(stored, typed):
    ended = {"state": SessionState.FAILED.value}
    await stored.sessions.update_one({"_id": SESSION}, {"$set": ended})
    assert json.loads(await typed("session", "list", "--active", "--json")) == []
    (listed,) = json.loads(await typed("session", "list", "--json"))
    assert listed["waits"] == []


async def test_what_a_step_writes_is_shown_before_it_ends_and_what_it_took_after(stored, typed):
    await stored.output_chunks.insert_many([chunk("so far, "), chunk("so good", 8)])
    assert "so far, so good" in await typed("session", "show", str(SESSION))
    now = datetime.now(UTC)
    took = {
        "started_at": now,
        "ended_at": now + timedelta(seconds=2),
        "usage": {"cpu_s": 0.25, "memory": 3 * 1024 * 1024},
    }
    await stored.output.update_one({"step_id": "look"}, {"$set": took})
    assert "(2.0 s, 0.25 s of CPU, 3 MiB)" in await typed("session", "show", str(SESSION))


@pytest.mark.timeout(180)
async def test_a_session_is_followed_until_it_ends(stored, stack, tmp_path):
    running = {**runs(restart=began(ago=timedelta(0))), "state": SessionState.RUNNING.value}
    await stored.sessions.update_one({"_id": SESSION}, {"$set": running})
    await stored.output_chunks.insert_one(chunk("stored\n"))
    settings = {**stack.environment(), "HANDRAIL_MONGO_DATABASE": stored.name}
    process = await Terminal(tmp_path, settings).start("session", "follow", str(SESSION))
    lines = await until(process, "restart: stored")
    bus = await nats.connect(stack.nats_url)
    told = {"step_id": "restart", "attempt": 1, "stream": "stdout", "offset": 7, "text": "live\n"}
    await bus.publish(subject(SESSION), json.dumps(told).encode())
    await bus.close()
    lines += await until(process, "restart: live")
    ended = runs(restart={"state": "succeeded", "attempt": 1, "exit_code": 0, "reason": ""})
    done = {**ended, "state": SessionState.SUCCEEDED.value}
    await stored.sessions.update_one({"_id": SESSION}, {"$set": done})
    lines += await until(process, "session succeeded")
    assert await process.wait() == 0
    assert [line for line in lines if line.startswith("restart")] == [
        "restart: running",
        "restart: stored",
        "restart: live",
        "restart: succeeded",
    ]


async def until(process, wanted):
    """The lines of a command up to this one."""
    lines = []
    async with asyncio.timeout(60):
        while wanted not in lines:
            line = await process.stdout.readline()
            assert line, (await process.stderr.read()).decode()
            lines.append(line.decode().rstrip())
    return lines
