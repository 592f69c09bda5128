"""What values say of an alert."""

from datetime import UTC, datetime, timedelta

import pytest

from services.triage.evidence import Seen, gathered, spoken
from shared.events.evidence import Look
from tests.triage.evidences import look

NOW = datetime(2026, 3, 1, 10, 2, 3, tzinfo=UTC)


def seen(asked, value, **fields):
    told = Look(
        name=asked.name,
        asked="`uptime` on here",
        found=None if value is None else spoken(value),
        at=NOW,
        took=timedelta(milliseconds=12),
        **fields,
    )
    return Seen(asked, told, value)


@pytest.mark.parametrize(
    ("fields", "condition", "value", "holds"),
    [
        ({"uses": "prometheus"}, "value < 80", 63, True),
        ({"uses": "prometheus"}, "value < 80", 80, False),
        ({"uses": "prometheus"}, "value < 80", 79.9, True),
        ({"uses": "prometheus"}, "value * 2.0 < 80", 39, True),
        ({"uses": "prometheus"}, "value / 2.0 == 1.5", 3, True),
        ({"uses": "prometheus", "all": True}, "value.all(v, v < 2)", [1, 1.5], True),
        ({"uses": "prometheus", "all": True}, "value.all(v, v < 2)", [1, 2], False),
        ({"uses": "prometheus", "all": True}, "value[3] < 2.0", [1, 2], False),
        ({}, 'value == "active"', "active", True),
        ({}, 'value == "active"', "failed", False),
        ({"output": {"regex": "(.*)", "type": "boolean"}}, "!value", False, True),
    ],
)
def test_a_condition_over_the_value_speaks_for_the_alert_or_against_it(
    fields, condition, value, holds
):
    against = gathered([seen(look("disk", refutes=condition, **fields), value)])
    assert (bool(against.refuting), against.confirming) == (holds, ())
    for_it = gathered([seen(look("disk", confirms=condition, **fields), value)])
    assert (for_it.refuting, bool(for_it.confirming)) == ((), holds)


def test_the_reason_has_the_value_and_the_condition():
    asked = look("disk_free", uses="prometheus", refutes="value > 20")
    (reason,) = gathered([seen(asked, 63)]).refuting
    assert reason == "disk_free is 63 now, which refutes the alert (value > 20)"


def test_what_could_not_be_had_says_nothing_and_is_told():
    asked = look("disk_free", uses="prometheus", refutes="value > 20", confirms="value <= 20")
    found = gathered([seen(asked, None, problem="no answer within 5s"), seen(look("load"), "1")])
    assert (found.refuting, found.confirming) == ((), ())
    assert found.values == {"load": "1"}
    assert [one.line for one in found.looked] == [
        "disk_free is not known: no answer within 5s (`uptime` on here; 10:02:03 UTC, 12 ms)",
        "load is 1 (`uptime` on here; 10:02:03 UTC, 12 ms)",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(63, "63"), (1.5, "1.5"), (True, "true"), ([1, 1.5], "1, 1.5"), (["/", "/var"], "/, /var")],
)
def test_a_value_is_a_text_for_people(value, text):
    assert spoken(value) == text
