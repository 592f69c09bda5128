"""The stop switch and the last good policy, on MongoDB."""

import asyncio
from datetime import UTC, datetime

from shared.config.policy import PolicyConfig
from shared.policy.policy import Policy
from shared.policy.stop import Stop
from shared.policy.store import MongoLastGood, MongoStopSwitch

NOW = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
FULL = Policy(
    PolicyConfig.model_validate(
        {
            "timezone": "Europe/Berlin",
            "rules": [
                {"name": "a", "require": 2, "from": ["dba"], "expires": "90m", "mode": "suggest"},
                {"name": "b", "when": "time.hour > 5", "auto": True},
            ],
            "deny": [{"name": "c", "command": "reboot"}],
            "caps": {"per_target_per_hour": 3},
        }
    ),
    {"dba": ("ann@example.org", "bob@example.org")},
)


async def test_a_stop_counts_until_it_is_over(db):
    switch = MongoStopSwitch(db)
    assert await switch.state() is None
    stop = Stop(by="ann", at=NOW, reason="the network is changed")
    assert await switch.stop(stop) == stop
    assert await switch.state() == stop
    assert await switch.resume() == stop
    assert await switch.state() is None
    assert await switch.resume() is None


async def test_of_several_who_stop_at_once_one_counts_and_all_are_told_which(db):
    switch = MongoStopSwitch(db)
    stops = [Stop(by=f"person {at}", at=NOW, reason="now") for at in range(5)]
    told = await asyncio.gather(*map(switch.stop, stops))
    assert len(set(told)) == 1
    assert await switch.state() == told[0]


async def test_a_policy_is_kept_whole(db):
    known = MongoLastGood(db)
    assert await known.last() is None
    await known.keep(FULL, now=NOW)
    assert await known.last() == FULL
    await known.keep(Policy(), now=NOW)
    assert await known.last() == Policy()


async def test_the_same_policy_is_written_once(db):
    known = MongoLastGood(db)
    await known.keep(FULL, now=NOW)
    await known.keep(FULL, now=NOW.replace(year=2031))
    kept = await db.get_collection("policies").find_one()
    assert kept["kept_at"] == NOW


async def test_a_kept_policy_that_this_version_cannot_read_is_none(db):
    await MongoLastGood(db).keep(FULL, now=NOW)
    await db.get_collection("policies").update_one({}, {"$set": {"policy": '{"rule": []}'}})
    assert await MongoLastGood(db).last() is None
