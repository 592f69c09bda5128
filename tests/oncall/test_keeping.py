"""Schedules of others: fetched once by whoever is first, and the last good answer kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from shared.config.schedules import ScheduleConfig
from shared.oncall.calendar import Shift
from shared.oncall.keeping import AGAIN, REFRESH, Keeper, Rosters
from shared.oncall.known import REMEMBERED, Fetched, merged
from shared.oncall.store import MongoShifts
from shared.oncall.web import client
from tests.oncall.vendors import vendor

ANN, BOB = "ann@example.org", "bob@example.org"
PEOPLE = [SimpleNamespace(name="Ann", email=ANN), SimpleNamespace(name="Bob", email=BOB)]
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def kept(monkeypatch):
    monkeypatch.setenv("OG", "og-key")
    async with vendor() as made:
        made.recipients = [ANN]
        yield made


@pytest.fixture
def schedules(kept):
    said = {"schedule": "web team", "key": {"env": "OG"}, "url": kept.url}
    own = {"people": [BOB], "starts": "2026-01-01"}
    return {
        "web": ScheduleConfig.model_validate({"opsgenie": said}),
        "own": ScheduleConfig.model_validate({"layers": [own]}),
    }


@pytest.fixture
async def keepers(schedules, db, clock):
    """Two replicas that keep the same schedules known."""
    async with client() as http:
        yield [
            Keeper(
                schedules, PEOPLE, MongoShifts(db), http, registry=CollectorRegistry(), now=clock
            )
            for _ in range(2)
        ]


@pytest.fixture
def rosters(schedules, db):
    return Rosters(schedules, MongoShifts(db))


async def test_of_two_replicas_one_fetches_and_both_know(keepers, rosters, kept, clock):
    await asyncio.gather(*(keeper.look() for keeper in keepers))
    assert len(kept.requests) == 1
    roster = await rosters.roster()
    assert roster.on_call("on-call:web", clock.now) == {ANN}
    assert roster.on_call("on-call:own", clock.now) == {BOB}
    assert roster.on_call("on-call", clock.now) == {ANN, BOB}
    assert roster.on_call("on-call:nothing", clock.now) == frozenset()
    assert roster.standing["web"].fetched_at == NOW


async def test_it_is_fetched_again_when_it_is_due_and_not_before(keepers, kept, clock):
    await keepers[0].look()
    clock.now = NOW + REFRESH - timedelta(seconds=1)
    await keepers[1].look()
    assert len(kept.requests) == 1
    clock.now = NOW + REFRESH
    await keepers[1].look()
    assert len(kept.requests) == 2


async def test_while_the_vendor_is_down_the_last_answer_counts_and_its_age_is_told(
    keepers, rosters, kept, clock
):
    await keepers[0].look()
    kept.down, clock.now = 503, NOW + 3 * HOUR
    with capture_logs() as logs:
        await keepers[0].look()
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("oncall.fetch_failed", "error")
    assert (line["reason"], line["meanwhile"]) == (
        "Opsgenie answers 503",
        "the last answer counts, 3h old",
    )
    roster = await rosters.roster()
    assert roster.on_call("on-call:web", clock.now) == {ANN}
    assert roster.standing["web"].error == "Opsgenie answers 503"
    kept.down, clock.now = 0, clock.now + AGAIN
    await keepers[0].look()
    assert (await rosters.roster()).standing["web"].error == ""


async def test_a_replica_that_died_while_it_fetched_is_made_good(keepers, rosters, db, clock):
    assert await MongoShifts(db).claim("web", "its source", clock.now)
    assert not await MongoShifts(db).claim("web", "its source", clock.now + timedelta(minutes=1))
    assert await MongoShifts(db).claim("web", "its source", clock.now + timedelta(minutes=2))


async def test_a_schedule_that_nobody_could_fetch_yet_has_nobody(keepers, rosters, kept, clock):
    kept.down = 500
    assert (await rosters.roster()).on_call("on-call:web", clock.now) == frozenset()
    await keepers[0].look()
    assert (await rosters.roster()).on_call("on-call:web", clock.now) == frozenset()


async def test_another_source_is_asked_at_once_and_the_old_answer_is_forgotten(
    keepers, db, rosters, clock
):
    await keepers[0].look()
    assert await MongoShifts(db).claim("web", "another", clock.now)
    assert (await rosters.roster()).on_call("on-call:web", clock.now) == frozenset()


async def test_who_was_on_call_when_it_was_asked_stays_so(keepers, rosters, kept, clock):
    await keepers[0].look()
    kept.recipients, clock.now = [BOB], NOW + HOUR
    await keepers[0].look()
    roster = await rosters.roster()
    assert roster.on_call("on-call:web", NOW + HOUR / 2) == {ANN}
    assert roster.on_call("on-call:web", clock.now) == {BOB}
    assert roster.between("on-call:web", NOW, clock.now) == {ANN, BOB}


async def test_without_schedules_everybody_is_on_call(db, clock):
    assert (await Rosters({}, MongoShifts(db)).roster()).on_call("on-call", clock.now) is None


@pytest.mark.parametrize(
    ("before", "after", "becomes"),
    [
        ([(ANN, -2, None)], [(ANN, 0, None)], [(ANN, -2, None)]),
        ([(ANN, -2, None)], [(BOB, 0, None)], [(ANN, -2, 0), (BOB, 0, None)]),
        ([(ANN, -2, 5)], [(ANN, -2, 5), (BOB, 5, 9)], [(ANN, -2, 5), (BOB, 5, 9)]),
        # What was to be and is not any more was never.
        ([(ANN, -2, 5), (BOB, 5, 9)], [(ANN, -2, 9)], [(ANN, -2, 9)]),
        # An override that is told late does not change what was.
        ([(ANN, -2, 5)], [(BOB, -1, 5)], [(ANN, -2, 0), (BOB, 0, 5)]),
        ([(ANN, -400, -300)], [], []),
        ([], [], []),
    ],
)
def test_the_past_stays_as_it_was_known_and_the_future_is_as_it_is_known_now(
    before, after, becomes
):
    def shifts(said):
        return tuple(
            Shift(person, NOW + start * HOUR, None if end is None else NOW + end * HOUR)
            for person, start, end in said
        )

    assert -400 * HOUR < -REMEMBERED
    assert merged(shifts(before), shifts(after), NOW) == shifts(becomes)


async def test_it_is_kept_to_the_second_that_it_was_said(db):
    store = MongoShifts(db)
    await store.claim("web", "s", NOW)
    shift = Shift(ANN, NOW, NOW + HOUR)
    await store.keep("web", "s", Fetched((shift,), ("x",)), now=NOW, next_at=NOW)
    known = (await store.known(["web"]))["web"]
    assert (known.shifts, known.standing.strangers) == ((shift,), ("x",))
