"""Tickets that were stored and not announced are found and announced."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.ingest.announce import OVERDUE, announce_overdue
from services.ingest.sources.alertmanager import parse
from services.ingest.ticket import collapsed, told
from shared.errors import UnavailableError
from tests.ingest.fakes import FakeBus, FakeTickets
from tests.ingest.payloads import body, fired

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
LATER = NOW + OVERDUE + timedelta(seconds=1)


@pytest.fixture
async def tickets():
    """One ticket that was opened, and never told of."""
    kept = FakeTickets()
    await kept.record(collapsed(parse("am", body(fired()))), NOW)
    return kept


async def test_an_overdue_ticket_is_announced_with_the_id_that_it_would_have_had(tickets):
    bus = FakeBus()
    assert await announce_overdue(tickets, bus, lambda: LATER) == 1
    (opened,) = tickets.open.values()
    (expected,) = told(opened, NOW, notification=uuid4())
    assert list(bus.events.values()) == [expected]


async def test_a_ticket_is_announced_once(tickets):
    await announce_overdue(tickets, FakeBus(), lambda: LATER)
    assert await announce_overdue(tickets, FakeBus(), lambda: LATER) == 0


async def test_a_ticket_that_was_just_opened_has_time_to_be_told_of(tickets):
    assert await announce_overdue(tickets, FakeBus(), lambda: NOW) == 0


async def test_a_ticket_stays_overdue_while_the_bus_is_away(tickets):
    bus = FakeBus()
    bus.down = True
    with pytest.raises(UnavailableError):
        await announce_overdue(tickets, bus, lambda: LATER)
    bus.down = False
    assert await announce_overdue(tickets, bus, lambda: LATER) == 1
