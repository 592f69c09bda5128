"""Maintenance windows as time goes by: made, ended, and what they suppressed afterwards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.ingest.maintenance.keeper import Keeper
from services.ingest.maintenance.store import MongoSuppressed, MongoWindows
from services.ingest.maintenance.stored import NameTakenError, NoSuchWindowError, StoredWindow
from services.ingest.maintenance.sweep import LOOKED_AT_ALL, Sweep
from services.ingest.maintenance.windows import Window, Windows
from services.ingest.ruling import Ruling
from services.ingest.store import MongoTickets
from services.ingest.ticket import Decision, collapsed
from shared.config.maintenance import MaintenanceWindow
from shared.errors import UnavailableError
from shared.events import Alert, AlertStatus, TicketReopened
from tests.ingest.fakes import FakeBus

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


class Clock:
    """A clock that the test sets."""

    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


def alert(host="db-1"):
    return Alert(
        source="am",
        name="DiskFull",
        status=AlertStatus.FIRING,
        fingerprint=f"disk-{host}",
        title="The disk is full",
        labels={"host": host},
    )


def window(name="move", *, ends=NOW + HOUR, starts=NOW - HOUR, matchers=('host="db-1"',)):
    return MaintenanceWindow(
        name=name, reason="the database moves", starts=starts, ends=ends, matchers=matchers
    )


def stored(said, *, at=NOW - HOUR):
    return StoredWindow(id=uuid4(), said=said, by="ops", created_at=at)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bus():
    return FakeBus()


@pytest.fixture
async def made(db):
    windows = MongoWindows(db)
    await windows.prepare()
    return windows


class TestStored:
    """Windows that were made while Handrail runs."""

    async def test_a_window_is_found_as_it_was_made(self, made):
        one = stored(window())
        await made.add(one)
        assert await made.current(NOW) == [one]
        assert await made.latest(9) == [one]

    async def test_a_window_that_is_over_is_not_current(self, made):
        await made.add(stored(window()))
        assert await made.current(NOW + HOUR) == []
        assert len(await made.latest(9)) == 1

    async def test_a_name_is_there_once_until_its_window_is_over(self, made):
        await made.add(stored(window()))
        with pytest.raises(NameTakenError, match="there is a maintenance window 'move' already"):
            await made.add(stored(window(), at=NOW))
        later = stored(window(starts=NOW + HOUR, ends=NOW + 2 * HOUR), at=NOW + HOUR)
        await made.add(later)
        assert await made.current(NOW + HOUR) == [later]

    @pytest.mark.parametrize("chosen", ["move", "id", "beginning"])
    async def test_a_window_is_ended_by_its_name_or_its_id(self, made, chosen):
        one = stored(window())
        await made.add(one)
        names = {"id": str(one.id), "beginning": str(one.id)[:8].upper()}
        ended = await made.end(names.get(chosen, chosen), NOW, "me")
        assert ended == replace(one, ended_at=NOW, ended_by="me")
        assert await made.current(NOW) == []
        await made.add(stored(window(), at=NOW))

    @pytest.mark.parametrize("chosen", ["other", "", "move"])
    async def test_what_is_not_there_or_over_cannot_be_ended(self, made, chosen):
        one = stored(window())
        await made.add(one)
        await made.end("move", NOW, "me")
        with pytest.raises(NoSuchWindowError, match="is ended there"):
            await made.end(chosen, NOW, "me")

    async def test_a_window_that_a_newer_version_wrote_is_left_out(self, made, db):
        one = stored(window())
        await made.add(one)
        await db.maintenance.insert_one(
            {"_id": uuid4(), "name": "new", "ends": NOW + HOUR, "every": "blue moon", "by": "ops"}
        )
        assert await made.current(NOW) == [one]


class FakeStored:
    """What is stored; ``down`` makes it refuse."""

    def __init__(self):
        self.windows = []
        self.down = False

    async def current(self, now):
        if self.down:
            raise UnavailableError("MongoDB does not answer")
        return [one for one in self.windows if one.said.ends > now]


class TestKeeper:
    """The windows that are known."""

    async def test_windows_of_the_file_hold_before_anything_was_read(self, clock):
        keeper = Keeper([window("file")], FakeStored(), clock)
        assert keeper.covering(alert(), NOW).window == "file"

    async def test_a_window_that_is_made_holds_from_the_next_look_on(self, clock):
        there = FakeStored()
        keeper = Keeper([], there, clock)
        there.windows.append(stored(window()))
        assert keeper.covering(alert(), NOW) is None
        await keeper.refresh()
        assert keeper.covering(alert(), NOW).window == "move"
        there.windows.clear()
        await keeper.refresh()
        assert keeper.covering(alert(), NOW) is None

    async def test_the_last_ones_known_stay_while_the_store_does_not_answer(self, clock):
        there = FakeStored()
        there.windows.append(stored(window()))
        keeper = Keeper([], there, clock)
        await keeper.refresh()
        there.down = True
        with pytest.raises(UnavailableError):
            await keeper.refresh()
        assert keeper.covering(alert(), NOW) is not None

    async def test_windows_are_other_ones_only_when_something_changed(self, clock):
        there = FakeStored()
        there.windows.append(stored(window()))
        keeper = Keeper([], there, clock)
        await keeper.refresh()
        before = keeper.windows
        await keeper.refresh()
        assert keeper.windows is before
        there.windows.append(stored(window("second")))
        await keeper.refresh()
        assert keeper.windows is not before
        # What had been worked out is kept.
        assert before.windows[0] in keeper.windows.windows


class Afterwards:
    """A sweep over tickets in MongoDB, with windows and a clock that the test sets."""

    def __init__(self, db, bus, clock):
        self.db, self.bus, self.clock = db, bus, clock
        self.windows = Windows((Window(window()),))
        self.tickets = MongoTickets(db)
        self.sweep = Sweep(lambda: self.windows, MongoSuppressed(db), bus, clock)

    async def suppress(self, *hosts, firing=True):
        """Open tickets as ingest does in a window; what is not firing ended since."""
        at = self.clock.at
        for host in hosts:
            quiet = self.windows.covering(alert(host), at)
            said = collapsed([Ruling(alert(host), quiet=quiet)])
            (opened,) = await self.tickets.record(said, at)
            assert opened.decision is Decision.SUPPRESSED
            await self.tickets.announced([opened])
            if not firing:
                over = alert(host).model_copy(update={"status": AlertStatus.RESOLVED})
                await self.tickets.record(collapsed([Ruling(over)]), at)

    async def ticket(self, host="db-1"):
        return await self.db.tickets.find_one({"alert.labels.host": host})


@pytest.fixture
async def afterwards(db, bus, clock):
    made = Afterwards(db, bus, clock)
    await made.tickets.prepare()
    return made


class TestAfterwards:
    """What becomes of suppressed tickets."""

    async def test_a_ticket_stays_suppressed_while_its_window_lasts(self, afterwards, bus):
        await afterwards.suppress("db-1")
        before = await afterwards.ticket()
        await afterwards.sweep.sweep()
        assert await afterwards.ticket() == before
        assert bus.events == {}

    async def test_what_still_fires_after_its_window_is_reopened(self, afterwards, bus, clock):
        await afterwards.suppress("db-1")
        clock.at = NOW + HOUR
        await afterwards.sweep.sweep()
        ticket = await afterwards.ticket()
        reason = "the maintenance window move is over, and it still fires"
        assert ticket["state"] == "reopened"
        assert ticket["reopened"] == {"at": clock.at, "reason": reason, "number": 1}
        assert ticket["reopenings"] == 1
        assert ticket["open_fingerprint"] == "disk-db-1"
        assert ticket["was_suppressed"]["window"] == "move"
        assert ticket["announced"]
        assert not {"suppressed", "closed_at"} & ticket.keys()
        (event,) = bus.events.values()
        assert isinstance(event, TicketReopened)
        assert (event.ticket_id, event.reason, event.count) == (ticket["_id"], reason, 1)
        assert event.alert == alert()

    async def test_it_is_reopened_once_by_however_many_sweeps(self, afterwards, bus, db, clock):
        await afterwards.suppress("db-1")
        clock.at = NOW + HOUR
        other = Sweep(lambda: afterwards.windows, MongoSuppressed(db), bus, clock)
        for sweep in (afterwards.sweep, other, afterwards.sweep):
            await sweep.sweep()
        assert (await afterwards.ticket())["reopenings"] == 1
        assert len(bus.events) == 1

    async def test_what_changed_since_it_was_looked_at_is_left_as_it_is(self, afterwards, db):
        afterwards.windows = Windows((Window(window(matchers=('host=~".+"',))),))
        await afterwards.suppress("db-1", "db-2")
        there = MongoSuppressed(db)
        looked_at = [one async for one in there.suppressed()]
        ended, reopened = sorted(looked_at, key=lambda one: one.alert.labels["host"])
        over = ended.alert.model_copy(update={"status": AlertStatus.RESOLVED})
        await afterwards.tickets.record(collapsed([Ruling(over)]), NOW)
        assert not await there.reopen(ended, NOW)
        assert not await there.let_go(reopened)
        assert await there.reopen(reopened, NOW)
        assert not await there.reopen(reopened, NOW)
        assert (await afterwards.ticket("db-2"))["reopenings"] == 1

    async def test_what_is_gone_stays_closed_and_alerts_open_another(self, afterwards, bus, clock):
        await afterwards.suppress("db-1", firing=False)
        clock.at = NOW + HOUR
        await afterwards.sweep.sweep()
        ticket = await afterwards.ticket()
        assert ticket["state"] == "closed"
        assert ticket["was_suppressed"]["window"] == "move"
        assert not {"suppressed", "open_fingerprint"} & ticket.keys()
        assert bus.events == {}

    async def test_a_window_that_is_ended_early_lets_go_at_once(self, afterwards, clock):
        afterwards.windows = Windows((Window(window(matchers=('host=~".+"',))),))
        await afterwards.suppress("db-1", "db-2")
        await afterwards.sweep.sweep()
        afterwards.windows = Windows((Window(window()),))
        clock.at += SECOND
        await afterwards.sweep.sweep()
        assert (await afterwards.ticket("db-1"))["state"] == "closed"
        assert (await afterwards.ticket("db-2"))["state"] == "reopened"

    async def test_a_window_that_follows_keeps_it_suppressed(self, afterwards, bus, clock):
        await afterwards.suppress("db-1")
        afterwards.windows = Windows(
            (Window(window()), Window(window("next", starts=NOW, ends=NOW + 2 * HOUR)))
        )
        clock.at = NOW + HOUR
        await afterwards.sweep.sweep()
        ticket = await afterwards.ticket()
        assert ticket["state"] == "closed"
        assert ticket["suppressed"]["window"] == "next"
        assert ticket["suppressed"]["until"] == NOW + 2 * HOUR
        assert bus.events == {}

    async def test_an_event_that_was_not_published_is_announced_later(self, afterwards, bus, clock):
        await afterwards.suppress("db-1")
        clock.at = NOW + HOUR
        bus.down = True
        with pytest.raises(UnavailableError):
            await afterwards.sweep.sweep()
        assert "announced" not in await afterwards.ticket()
        (one,) = await afterwards.tickets.unannounced(clock.at + HOUR, 9)
        assert one.ticket_id == (await afterwards.ticket())["_id"]

    async def test_what_a_slower_replica_suppressed_is_found_too(self, afterwards, clock):
        await afterwards.sweep.sweep()
        everywhere = Windows((Window(window(matchers=('host=~".+"',))),))
        here, afterwards.windows = afterwards.windows, everywhere
        await afterwards.suppress("db-2")
        afterwards.windows = here
        await afterwards.sweep.sweep()
        assert (await afterwards.ticket("db-2"))["state"] == "closed"
        clock.at += LOOKED_AT_ALL
        await afterwards.sweep.sweep()
        assert (await afterwards.ticket("db-2"))["state"] == "reopened"

    async def test_many_tickets_are_told_of_in_few_publications(self, afterwards, bus, clock):
        afterwards.windows = Windows((Window(window(matchers=('host=~".+"',))),))
        await afterwards.suppress(*(f"db-{number}" for number in range(120)))
        clock.at = NOW + HOUR
        await afterwards.sweep.sweep()
        assert len(bus.events) == 120
        assert bus.at_once == 100
        assert await afterwards.db.tickets.count_documents({"announced": True}) == 120
