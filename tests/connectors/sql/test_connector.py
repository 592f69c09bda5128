"""Statements on real databases: bound, capped, limited, and run once."""

import asyncio
import json
from datetime import timedelta

import pytest

from shared.connectors.protocol import Ended, LoginRefusedError, Lost, TargetUnreachableError
from shared.connectors.sql.statement import StatementRefusedError
from shared.lifecycle import Effect
from tests.connectors.conftest import Heard
from tests.connectors.sql.conftest import COUNT, job
from tests.databases import PASSWORD
from tests.runbook.hostile import HOSTILE

LIMIT = timedelta(seconds=60)
#: Something that takes much longer than any test.
LONG = {
    "postgresql": "UPDATE jobs SET runs = runs + 1 WHERE id = 1 AND pg_sleep(300) IS NOT NULL",
    "mariadb": "UPDATE jobs SET runs = runs + 1 WHERE id = 1 AND SLEEP(300) = 0",
    "sqlite": "UPDATE jobs SET runs = (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
    "SELECT i + 1 FROM n WHERE i < 10000000000) SELECT max(i) FROM n) WHERE id = 1",
}


async def test_a_statement_runs_with_its_values_bound(place):
    ended = await place.connector().run(job(COUNT))
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "1 row changed")
    assert (await place.runs(1), await place.runs(2)) == (1, 0)


async def test_a_result_is_json_with_a_row_on_each_line(place):
    heard = Heard()
    ended = await place.connector().run(
        job("SELECT id, worker FROM jobs ORDER BY id", effect=Effect.READ_ONLY), on_output=heard
    )
    rows = [{"id": 1, "worker": "web-1"}, {"id": 2, "worker": "web-2"}]
    assert json.loads(ended.stdout) == rows
    assert len(ended.stdout.splitlines()) == 2
    assert ended.stderr == "2 rows"
    assert heard.text("stdout") == ended.stdout


async def test_a_result_is_capped_and_says_so(place):
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
    ended = await place.connector(rows=5).run(
        job(many + "SELECT i FROM n", effect=Effect.READ_ONLY)
    )
    assert len(json.loads(ended.stdout)) == 5
    assert ended.stderr == "5 rows, and more that are left out"


async def test_a_hostile_value_stays_one_value(place):
    connector = place.connector()
    values = [value for value in HOSTILE if "\0" not in value and len(value) <= 600]
    for first in range(0, len(values), 40):
        some = values[first : first + 40]
        names = [f"({first + nth + 10}, :p{nth}, 0)" for nth in range(len(some))]
        below = [f"-- :p{nth} = {json.dumps(value)}" for nth, value in enumerate(some)]
        statement = "\n".join(["INSERT INTO jobs VALUES " + ", ".join(names), *below])
        ended = await connector.run(job(statement))
        assert ended.exit_code == 0, (some, ended.stderr)
    ended = await connector.run(
        job("SELECT id, worker FROM jobs WHERE id >= 10 ORDER BY id", effect=Effect.READ_ONLY)
    )
    assert [row["worker"] for row in json.loads(ended.stdout)] == values


@pytest.mark.parametrize(
    "condition",
    ["id = :p0\n-- :p0 = 1", 'id = :p0\n-- :p0 = "1"', "runs = :p0 AND id = 1\n-- :p0 = 0"],
)
async def test_a_number_may_come_as_a_text(place, condition):
    ended = await place.connector().run(job(f"UPDATE jobs SET runs = 5 WHERE {condition}"))
    assert (ended.exit_code, await place.runs()) == (0, 5), ended.stderr


async def test_a_wrong_statement_fails_and_leaves_nothing_behind(place):
    ended = await place.connector().run(job("UPDATE jobs SET nothing = 1"))
    assert ended.exit_code == 1
    assert "nothing" in ended.stderr
    assert await place.direct("SELECT count(*) FROM handrail_steps") == "0"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("UPDATE jobs SET runs = 1; DELETE FROM jobs", "several: true"),
        ("BEGIN", "opened and ended for you"),
        ("/* x */ COMMIT", "opened and ended for you"),
        ("-- only a comment", "there is no statement"),
    ],
)
async def test_what_may_not_run_is_refused_before_anything_runs(place, text, told):
    with pytest.raises(StatementRefusedError, match=told):
        await place.connector().run(job(text))
    assert await place.runs() == 0


async def test_several_statements_are_one_transaction_where_the_target_allows_them(place):
    connector = place.connector(several=True)
    both = "UPDATE jobs SET runs = 7 WHERE id = 1; UPDATE jobs SET {} = 8 WHERE id = 2"
    assert (await connector.run(job(both.format("wrong")))).exit_code == 1
    assert await place.runs() == 0
    assert (await connector.run(job(both.format("runs")))).exit_code == 0
    assert (await place.runs(1), await place.runs(2)) == (7, 8)


@pytest.mark.parametrize(
    "text",
    ["UPDATE jobs SET runs = 9", "DELETE FROM jobs", "DROP TABLE jobs", "VACUUM", "PRAGMA x = 1"],
)
async def test_what_only_looks_cannot_write(place, text):
    with pytest.raises(StatementRefusedError, match="only look"):
        await place.connector().run(job(text, effect=Effect.READ_ONLY))


async def test_a_look_that_hides_a_change_is_stopped_by_the_database(place):
    if place.engine != "postgresql":
        pytest.skip("only PostgreSQL changes rows in a WITH")
    text = "WITH gone AS (DELETE FROM jobs RETURNING id) SELECT id FROM gone"
    ended = await place.connector().run(job(text, effect=Effect.READ_ONLY))
    assert "read-only" in ended.stderr
    assert await place.runs() == 0


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT count(*) FROM jobs", 0),
        ("SELECT worker FROM jobs WHERE id = :p0\n-- :p0 = 1", 0),
        ("SELECT 0", 1),
        ("SELECT NULL", 1),
        ("SELECT ''", 1),
        ("SELECT 1 = 2", 1),
        ("SELECT id FROM jobs WHERE id = 99", 1),
    ],
)
async def test_a_check_is_true_when_its_first_column_is(place, query, code):
    assert (await place.connector().read(query, timeout=LIMIT)).exit_code == code


async def test_a_dry_run_explains_and_changes_nothing(place):
    shown = await place.connector().dry_run(job(COUNT))
    assert "jobs" in shown.text
    assert await place.runs() == 0
    assert await place.connector().dry_run(job("CREATE TABLE other (id INTEGER)")) is None


# -- once ------------------------------------------------------------------------------------------


async def test_the_same_key_runs_once_however_often_it_is_asked_for(place):
    one = job(COUNT)
    first = await place.connector().run(one)
    again = await asyncio.gather(*(place.connector().run(one) for _ in range(3)))
    assert await place.runs() == 1
    assert not first.reattached
    assert all(
        (each.reattached, each.exit_code, each.stderr) == (True, 0, "1 row changed")
        for each in again
    )


async def test_of_many_at_once_one_runs(place):
    one = job(COUNT)
    connectors = [place.connector() for _ in range(5)]
    ended = await asyncio.gather(*(connector.run(one) for connector in connectors))
    assert await place.runs() == 1
    assert all(each.exit_code == 0 for each in ended), ended
    assert sum(not each.reattached for each in ended) == 1


async def test_after_its_owner_died_the_key_says_what_became_of_it(place):
    one, never = job(COUNT), job(COUNT)
    await place.connector().run(one)
    known = await place.connector().reattach(one)
    assert isinstance(known, Ended)
    assert (known.exit_code, known.reattached) == (0, True)
    assert await place.connector().reattach(never) is None
    assert await place.runs() == 1


async def test_without_a_record_nobody_pretends_to_know(place):
    connector = place.connector(record=False)
    one = job(COUNT)
    assert (await connector.run(one)).exit_code == 0
    assert isinstance(await connector.reattach(one), Lost)
    assert await connector.reattach(job(COUNT, effect=Effect.IDEMPOTENT)) is None


async def test_a_statement_that_commits_by_itself_is_unknown_when_its_end_is(place):
    """The key is there first; that it ended is written after it."""
    alone = {"postgresql": "VACUUM jobs", "mariadb": "CREATE TABLE other (id INT)"}
    one = job(alone.get(place.engine, "VACUUM"))
    try:
        ended = await place.connector().run(one)
        assert ended.exit_code == 0, ended.stderr
        assert (await place.connector().reattach(one)).reattached
        await place.direct("UPDATE handrail_steps SET state = 'begun'")
        assert isinstance(await place.connector().reattach(one), Lost)
        assert isinstance(await place.connector().run(one), Lost)
    finally:
        await place.direct("DROP TABLE IF EXISTS other")


# -- limits ----------------------------------------------------------------------------------------


async def test_a_statement_that_takes_too_long_is_ended_and_taken_back(place):
    ended = await place.connector().run(job(LONG[place.engine], seconds=1.5))
    assert ended.timed_out, ended
    assert "taken back" in ended.stderr
    assert await place.runs() == 0


async def test_what_runs_is_cancelled_and_taken_back(place):
    """From another connector where the database can tell which session has the key."""
    connector = place.connector()
    other = connector if place.engine == "sqlite" else place.connector()
    one = job(LONG[place.engine], seconds=120)
    await connector.run(job("SELECT 1"))
    running = asyncio.create_task(connector.run(one))
    while not running.done():
        await other.cancel(one.key)
    ended = await running
    assert ended.cancelled
    assert await place.runs() == 0
    assert (await connector.run(one)).cancelled


async def test_what_never_began_never_begins_once_it_is_cancelled(place):
    one = job(COUNT)
    assert await place.connector().cancel(one.key)
    assert (await place.connector().run(one)).cancelled
    assert await place.runs() == 0


async def test_what_has_ended_counts_as_ended(place):
    one = job(COUNT)
    await place.connector().run(one)
    assert await place.connector().cancel(one.key)
    assert not (await place.connector().run(one)).cancelled


# -- reach -----------------------------------------------------------------------------------------


async def test_a_database_that_is_not_there_certainly_ran_nothing(place):
    connector = place.connector(
        **({"database": "/nowhere/x.db"} if place.server is None else {"port": 1})
    )
    with pytest.raises(TargetUnreachableError) as error:
        await connector.run(job(COUNT, seconds=1))
    assert error.value.may_have_started is False
    assert PASSWORD not in str(error.value)


async def test_wrong_credentials_are_told_without_them(place, monkeypatch):
    if place.server is None:
        pytest.skip("a file has no password")
    monkeypatch.setenv("DB_PASSWORD", "wrong-5ecret")
    with pytest.raises(LoginRefusedError) as error:
        await place.connector().run(job(COUNT))
    assert "wrong-5ecret" not in str(error.value)


async def test_a_password_that_was_exchanged_is_used_from_then_on(place, monkeypatch):
    if place.server is None:
        pytest.skip("a file has no password")
    connector = place.connector()
    assert (await connector.run(job(COUNT))).exit_code == 0
    monkeypatch.setenv("DB_PASSWORD", "wrong-5ecret")
    with pytest.raises(LoginRefusedError):
        await connector.run(job(COUNT))
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    assert (await connector.run(job(COUNT))).exit_code == 0
    assert await place.runs() == 2
