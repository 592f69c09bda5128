"""Connections that are cut and executors that are killed: each statement ran once."""

import asyncio
import sys
from uuid import uuid4

import pytest

from shared.connectors.protocol import Ended, Lost
from shared.lifecycle import Effect
from tests.connectors.sql.conftest import COUNT, job
from tests.connectors.sql.cutting import way

SERVED = ["postgresql", "mariadb"]
#: What a client says when the statement is not there yet, when it has run, and when it is to last.
MOMENTS = {
    "before the statement": {"postgresql": b"UPDATE jobs", "mariadb": b"PREPARE handrail"},
    "behind the statement": {
        "postgresql": b"UPDATE handrail_steps",
        "mariadb": b"UPDATE handrail_steps",
    },
    "at the commit": {"postgresql": b"COMMIT", "mariadb": b"COMMIT"},
}
#: What it says before that; connections say some of it when they are made, too.
BEHIND = {
    "before the statement": b"",
    "behind the statement": b"",
    "at the commit": b"UPDATE handrail_steps",
}


@pytest.fixture
async def served(place):
    if place.server is None:
        pytest.skip("a file is reached without a network")
    # The table of keys is there already: what is made for it is not what is cut here.
    await place.connector().run(job("UPDATE jobs SET runs = 0"))
    return place


@pytest.mark.parametrize("after", [False, True], ids=["unheard", "unanswered"])
@pytest.mark.parametrize("moment", list(MOMENTS))
async def test_a_connection_that_is_cut_is_mended_and_it_ran_once(served, moment, after):
    when, behind = MOMENTS[moment][served.engine], BEHIND[moment]
    async with way(served.server.port, when, after=after, behind=behind) as cut:
        ended = await served.connector(port=cut.port).run(job(COUNT))
    assert cut.cuts == 1
    assert isinstance(ended, Ended)
    assert (ended.exit_code, ended.stderr) == (0, "1 row changed")
    assert await served.runs() == 1


async def test_an_answer_that_is_lost_comes_from_the_record(served):
    behind = BEHIND["at the commit"]
    async with way(served.server.port, b"COMMIT", after=True, behind=behind) as cut:
        ended = await served.connector(port=cut.port).run(job(COUNT))
    assert ended.reattached
    assert await served.runs() == 1


async def test_without_a_record_a_lost_answer_is_lost(served):
    # In hexadecimal with MariaDB, where the server is given the text to prepare.
    behind = {"postgresql": b"UPDATE jobs", "mariadb": b"EXECUTE handrail"}[served.engine]
    async with way(served.server.port, b"COMMIT", after=True, behind=behind) as cut:
        outcome = await served.connector(port=cut.port, record=False).run(job(COUNT))
    assert isinstance(outcome, Lost)
    assert await served.runs() == 1


async def test_a_look_is_simply_looked_again(served):
    async with way(served.server.port, b"READ ONLY", after=True) as cut:
        look = job("SELECT runs FROM jobs WHERE id = 1", effect=Effect.READ_ONLY)
        ended = await served.connector(port=cut.port).run(look)
    assert cut.cuts == 1
    assert '"runs": 0' in ended.stdout


async def test_executors_that_are_killed_leave_nothing_undone_and_nothing_twice(place):
    number, series = 30, f"step-{uuid4().hex}"
    target = place.connector()._target.model_dump_json()
    for stop in (3, 11, 19):
        await _killed_after(stop, target, series, number)
    connector = place.connector()
    for nth in range(number):
        one = job(COUNT, key=f"{series}-{nth}")
        if await connector.reattach(one) is None:
            assert (await connector.run(one)).exit_code == 0
    assert await place.runs() == number


async def _killed_after(stop, target, series, number):
    """Start another executor, and kill it while it is at the job of this number."""
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.connectors.sql.worker", target, COUNT, series, str(number)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        while line := await worker.stdout.readline():
            if int(line) == stop:
                break
        assert line, "the other executor did not get that far"
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()
