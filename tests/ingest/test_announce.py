"""Tickets that were stored and not announced are found and announced."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.ingest.announce import OVERDUE, Announcements
from services.ingest.ruling import plainly
from services.ingest.sources.alertmanager import parse
from services.ingest.telling import events_of
from services.ingest.ticket import collapsed
from services.ingest.webhook import Webhook
from shared.errors import UnavailableError
from tests.ingest.fakes import FakeBus, FakeTickets
from tests.ingest.payloads import body, fired

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
LATER = NOW + OVERDUE + timedelta(seconds=1)


@pytest.fixture
async def tickets():
    """One ticket that was opened, and never told of."""
    kept = FakeTickets()
    await kept.record(
        collapsed(plainly(one, NOW) for one in parse(Webhook("am", body(fired())))), NOW
    )
    return kept


def sweep(tickets, bus, now=LATER):
    return Announcements(tickets, bus, lambda: now).sweep()


async def test_an_overdue_ticket_is_announced_with_the_id_that_it_would_have_had(tickets):
    bus = FakeBus()
    assert await sweep(tickets, bus) == 1
    (opened,) = tickets.open.values()
    (expected,) = events_of(opened, NOW, new_id=uuid4)
    assert list(bus.events.values()) == [expected]


async def test_a_ticket_is_announced_once(tickets):
    await sweep(tickets, FakeBus())
    assert await sweep(tickets, FakeBus()) == 0


async def test_a_ticket_that_was_just_opened_has_time_to_be_told_of(tickets):
    assert await sweep(tickets, FakeBus(), NOW) == 0


async def test_a_ticket_that_was_told_of_is_not_told_of_again(tickets):
    (opened,) = tickets.open.values()
    announcements = Announcements(tickets, FakeBus(), lambda: LATER)
    announcements.told([opened])
    assert await announcements.sweep() == 0
    assert tickets.marked == [opened.ticket_id]


async def test_what_was_noted_is_not_noted_again(tickets):
    announcements = Announcements(tickets, FakeBus(), lambda: LATER)
    await announcements.sweep()
    await announcements.sweep()
    assert len(tickets.marked) == 1


async def test_a_ticket_stays_overdue_while_the_bus_is_away(tickets):
    bus = FakeBus()
    bus.down = True
    with pytest.raises(UnavailableError):
        await sweep(tickets, bus)
    bus.down = False
    assert await sweep(tickets, bus) == 1
