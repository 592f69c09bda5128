"""What waits for an answer, as it changes."""

import asyncio
import json
import os
import pty
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.commands.approvals_watch import changed, looks
from deploy.store import Reader
from services.notifier.approval import decide
from tests.deploy.records import APPROVAL
from tests.notifier.builders import NOW, approval, decision

FIRST = approval(required=2)
SECOND = decide(FIRST, decision("alice@example.org"), now=NOW).question


@pytest.mark.parametrize(
    ("before", "waiting", "what"),
    [
        ([], [FIRST], ["asked"]),
        ([FIRST], [FIRST], []),
        ([FIRST], [SECOND], ["answered"]),
        ([FIRST], [], []),
    ],
    ids=["new", "the same", "a yes of two", "gone"],
)
def test_what_is_new_or_was_answered_is_told(before, waiting, what):
    found = changed({one.id: one for one in before}, waiting)
    assert [change.what for change in found] == what


async def test_each_change_is_seen_once(stored, db):
    seen = looks(Reader(db), pause=timedelta(milliseconds=1))
    waiting, changes = await anext(seen)
    assert [(one.what, one.question.id) for one in changes] == [("asked", APPROVAL)]
    assert [one.id for one in waiting] == [APPROVAL]
    assert (await anext(seen))[1] == []
    await db.get_collection("approvals").update_one(
        {"_id": APPROVAL}, {"$set": {"state": "rejected"}}
    )
    waiting, changes = await anext(seen)
    assert (waiting, [(one.what, one.question.state) for one in changes]) == (
        [],
        [("settled", "rejected")],
    )
    assert (await anext(seen))[1] == []
    await seen.aclose()


async def test_a_program_reads_lines_until_it_says_stop(stored, db, stack):
    environment = {**os.environ, **stack.environment(), "HANDRAIL_MONGO_DATABASE": db.name}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "approvals", "watch", "--json"),
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        process.send_signal(signal.SIGINT)
        _, complaint = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert (line["what"], line["id"]) == ("asked", str(APPROVAL))
    assert (process.returncode, complaint) == (0, b"")


async def test_at_a_terminal_the_list_stands_there_and_is_renewed(stored, db, stack):
    environment = {**os.environ, **stack.environment(), "HANDRAIL_MONGO_DATABASE": db.name}
    environment |= {"TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "approvals", "watch"),
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        shown = await _read(ours, "1 wait for an answer", "systemctl restart shop-api")
        settled = {"$set": {"state": "rejected"}}
        await db.get_collection("approvals").update_one({"_id": APPROVAL}, settled)
        shown = await _read(ours, "0 wait for an answer")
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 60)
    finally:
        if process.returncode is None:
            process.kill()
        os.close(ours)
    assert (process.returncode, "Traceback" in shown) == (0, False)


async def _read(terminal, *wanted) -> str:
    """What stands on a terminal, once it has all that is wanted."""
    shown = ""
    while not all(one in shown for one in wanted):
        piece = await asyncio.wait_for(asyncio.to_thread(os.read, terminal, 65536), 60)
        shown += piece.decode(errors="replace")
    return shown
