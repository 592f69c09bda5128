"""How often something was done from an address, and what counts as one."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from shared.visitors import Counts, address_of

MINUTE = timedelta(minutes=1)


class Clock:
    def __init__(self):
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_counting_begins_anew_with_each_window(clock):
    counts = Counts(MINUTE, clock)
    assert [counts.add("a"), counts.add("a"), counts.add("b"), counts.of("a")] == [1, 2, 1, 2]
    clock.now += timedelta(seconds=59)
    assert (counts.of("a"), counts.seconds_left) == (2, 1)
    clock.now += timedelta(seconds=1)
    assert counts.of("a") == 0


def test_what_is_counted_does_not_grow_without_end(clock):
    counts = Counts(MINUTE, clock, most=10)
    for number in range(50):
        counts.add(str(number))
    assert len(counts) <= 11


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("2001:db8:1:2:3::4", "20010db800010002/64"),
        ("2001:db8:1:2:ffff::5", "20010db800010002/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:127.0.0.1", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_stands_for_whoever_shares_a_limit(host, address):
    request = Request({"type": "http", "client": (host, 1)})
    assert address_of(request) == address
