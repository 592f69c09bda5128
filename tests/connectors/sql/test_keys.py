"""The table of keys stays small, and nothing that runs waits for that."""

import asyncio
from datetime import UTC, datetime

from tests.connectors.sql.conftest import COUNT, job


async def test_keys_of_steps_that_ended_long_ago_are_removed_and_those_in_doubt_stay(place):
    connector, kept = place.connector(), ("new", "doubt")
    await connector._keys.kept()
    for key, state, at in (
        ("old", "ended", "2020-01-01 00:00:00"),
        ("void", "void", "2020-01-01 00:00:00"),
        ("doubt", "begun", "2020-01-01 00:00:00"),
        ("new", "ended", "2999-01-01 00:00:00"),
    ):
        row = f"('{key}', '{state}', '{at}')"
        await place.direct(f"INSERT INTO handrail_steps (step_key, state, at) VALUES {row}")
    one = job(COUNT)
    assert (await connector.run(one)).exit_code == 0
    await connector._sweeping
    left = (await place.direct("SELECT step_key FROM handrail_steps ORDER BY step_key")).split()
    assert left == sorted([*kept, one.key])
    before = connector._sweeping
    await connector.run(job(COUNT))
    assert connector._sweeping is before, "it is looked for old ones now and then only"


async def test_what_runs_just_now_does_not_wait_for_keys_that_are_removed(place):
    connector = place.connector()
    await connector._keys.kept()
    async with connector._sessions.opened() as other, connector._sessions.told():
        await connector._keys.taken(other, "held")
        async with asyncio.timeout(60):
            if place.engine != "sqlite":
                assert await connector._keys.sweep(datetime.now(UTC)) == 0
        await other.rollback()
