"""When a target is left alone, and for how long."""

from datetime import timedelta

from services.executor.admission.breaker import OPEN_MOST, Breaker, Threshold
from tests.executor.sessions import NOW

LIMIT = Threshold(failures=3, within=timedelta(minutes=10), open_for=timedelta(minutes=1))
SECOND = timedelta(seconds=1)


def after(*seconds, breaker=None):
    breaker = breaker or Breaker()
    for at in seconds:
        breaker = breaker.failed(NOW + at * SECOND, LIMIT)
    return breaker


def test_few_failures_leave_it_closed():
    assert not after(0, 1).is_open(NOW + 2 * SECOND)


def test_many_failures_in_a_short_time_open_it():
    breaker = after(0, 1, 2)
    assert breaker.is_open(NOW + 3 * SECOND)
    assert breaker.open_until == NOW + 62 * SECOND
    assert "web-1 is left alone until 03:01:02 UTC" in breaker.reason("web-1", NOW + 3 * SECOND)


def test_failures_that_are_long_past_do_not_count():
    assert not after(0, 1, 700).is_open(NOW + 701 * SECOND)


def test_when_its_time_is_over_steps_go_on_and_the_next_failure_opens_it_for_longer():
    breaker = after(0, 1, 2)
    assert not breaker.is_open(NOW + 63 * SECOND)
    assert breaker.reason("web-1", NOW + 63 * SECOND) == ""
    again = after(70, breaker=breaker)
    assert again.open_until == NOW + (70 + 120) * SECOND


def test_a_failure_while_it_is_open_does_not_keep_it_open():
    assert after(0, 1, 2, 3, 4).open_until == NOW + 62 * SECOND


def test_however_often_it_opens_it_is_looked_at_again():
    breaker = after(0, 1, 2)
    for _ in range(20):
        breaker = breaker.failed(breaker.open_until, LIMIT)
    assert breaker.open_until - breaker.failures[-1] == OPEN_MOST
