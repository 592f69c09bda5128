"""When a message is tried again, as a table."""

from datetime import timedelta

import pytest

from shared.bus.redelivery import DELAYS, GiveUp, TryAgain, after_failure
from shared.errors import HandrailError, PermanentError, UnavailableError
from shared.events import MalformedEventError


@pytest.mark.parametrize(
    ("error", "delivered", "expected"),
    [
        (RuntimeError(), 1, TryAgain(timedelta(seconds=0.5))),
        (RuntimeError(), 2, TryAgain(timedelta(seconds=1))),
        (RuntimeError(), 5, TryAgain(timedelta(seconds=15))),
        (RuntimeError(), 7, TryAgain(timedelta(seconds=60))),
        (RuntimeError(), 8, GiveUp()),
        (RuntimeError(), 900, GiveUp()),
        (HandrailError(), 7, TryAgain(timedelta(seconds=60))),
        (HandrailError(), 8, GiveUp()),
        (PermanentError(), 1, GiveUp()),
        (MalformedEventError(), 1, GiveUp()),
        (UnavailableError(), 1, TryAgain(timedelta(seconds=0.5))),
        (UnavailableError(), 8, TryAgain(timedelta(seconds=60))),
        (UnavailableError(), 900, TryAgain(timedelta(seconds=60))),
    ],
)
def test_the_error_and_the_number_of_deliveries_decide(error, delivered, expected):
    assert after_failure(error, delivered) == expected


def test_the_delays_grow():
    assert list(DELAYS) == sorted(DELAYS)
    assert len(set(DELAYS)) == len(DELAYS)
