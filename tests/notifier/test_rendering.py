"""Times, as people read them."""

from datetime import timedelta

import pytest

from services.notifier.rendering import moment, span
from tests.notifier.builders import NOW


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(seconds=29), "less than a minute"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(minutes=59, seconds=59.9), "1 hour"),
        (timedelta(minutes=90), "1 hour 30 minutes"),
        (timedelta(days=2, hours=1, minutes=5), "2 days 1 hour"),
    ],
)
def test_a_span_is_as_exact_as_a_person_needs_it(length, words):
    assert span(length) == words


def test_a_moment_names_its_zone_and_day():
    assert moment(NOW) == "03:00 UTC on 3 May"
