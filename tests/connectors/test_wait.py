"""Waits: counted from the step's start, by a clock that the test holds."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.calls.call import MalformedCallError
from shared.calls.families import parsed_as
from shared.connectors.protocol import Job
from shared.connectors.wait import WaitConnector

BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def job(text, *, minutes=600, began=BEGAN):
    return Job("key", text, timedelta(minutes=minutes), started_at=began)


def at(**later):
    return WaitConnector(lambda: BEGAN + timedelta(**later))


FOR = 'for\nduration: "10m"'


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (FOR, "2026-03-01T03:10:00Z"),
        ('until\ntime: "06:30"', "2026-03-01T06:30:00Z"),
        ('until\ntime: "03:00"', "2026-03-02T03:00:00Z"),
        ('until\ntime: "06:30"\nzone: "Europe/Berlin"', "2026-03-01T05:30:00Z"),
        ('until\ntime: "2026-03-01T07:00:00+02:00"', "2026-03-01T05:00:00Z"),
        ('until\ntime: "2020-01-01T00:00:00Z"', "2026-03-01T03:00:00Z"),
    ],
)
async def test_a_wait_ends_where_its_start_says(text, ends):
    ended = await at(days=3).run(job(text, minutes=10_000))
    assert (ended.exit_code, ended.stdout) == (0, f"waited until {ends}\n")


@pytest.mark.parametrize(
    ("zone", "began", "ends"),
    [
        # The clocks of Berlin show no 02:30 on this night, and 02:30 twice on that one.
        ("Europe/Berlin", "2026-03-28T23:00+00:00", "2026-03-29T01:30+00:00"),
        ("Europe/Berlin", "2026-10-24T22:00+00:00", "2026-10-25T00:30+00:00"),
        ("Asia/Kolkata", "2026-10-24T22:00+00:00", "2026-10-25T21:00+00:00"),
    ],
)
def test_a_time_of_day_is_met_in_nights_that_change_clocks(zone, began, ends):
    call = parsed_as("wait", f'until\ntime: "02:30"\nzone: "{zone}"')
    assert call.ends(datetime.fromisoformat(began)) == datetime.fromisoformat(ends)


async def test_who_takes_it_over_waits_for_what_is_left():
    """Nine minutes and a bit are over already: what is left takes no time in this test."""
    took_over = WaitConnector(lambda: datetime.now(UTC))
    began = datetime.now(UTC) - timedelta(minutes=9, seconds=59.9)
    assert await took_over.reattach(job(FOR, began=began)) is None
    assert (await took_over.run(job(FOR, began=began))).exit_code == 0


async def test_it_is_not_over_before_its_time():
    waiting = asyncio.create_task(at(minutes=9).run(job(FOR)))
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_it_lasts_no_longer_than_the_step_may():
    ended = await at(minutes=5).run(job(FOR, minutes=5))
    assert ended.timed_out
    assert "03:10:00Z" in ended.stderr


async def test_it_can_be_cancelled_while_it_waits_and_before():
    connector = at(minutes=1)
    waiting = asyncio.create_task(connector.run(job(FOR)))
    await asyncio.sleep(0)
    assert await connector.cancel("key")
    assert (await waiting).cancelled
    assert (await connector.run(job(FOR))).cancelled


async def test_it_says_beforehand_until_when():
    assert "2026-03-01T03:10:00Z" in (await at().dry_run(job(FOR))).text


async def test_it_is_no_check():
    with pytest.raises(MalformedCallError):
        await at().read(FOR, timeout=timedelta(seconds=1))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('for\nduration: "8d"', "longer than 7 days"),
        ('for\nduration: "10"', "no duration"),
        ('until\ntime: "25:00"', "is no time"),
        ('until\ntime: "2026-03-01T07:00:00"', "with its zone"),
        ('until\ntime: "06:30"\nzone: "Mars/One"', "no time zone"),
        ("sleep", "there are for, until"),
    ],
)
def test_a_wait_that_cannot_be_meant_says_why(text, told):
    with pytest.raises(MalformedCallError, match=told):
        parsed_as("wait", text)
