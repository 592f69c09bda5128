"""Which alerts may open a ticket."""

import pytest

from services.ingest.sources.alertmanager import parse
from services.ingest.triggers import Triggers, Verdict, decided
from services.ingest.webhook import Webhook
from shared.config import Config
from shared.config.triggers import TriggerConfig
from tests.ingest.payloads import body, fired


def alert(**labels):
    (parsed,) = parse(Webhook("am", body(fired(**labels))))
    return parsed


def trigger(name, when, *, opens, reason=""):
    return TriggerConfig(name=name, when=when, open=opens, reason=reason)


TESTS = trigger("tests", 'labels.env == "test"', opens=False, reason="nobody is woken by a test")
PAGES = trigger("pages", 'severity == "P1"', opens=True)
REST = trigger("rest", "true", opens=False)


@pytest.mark.parametrize(
    ("triggers", "labels", "opens", "because"),
    [
        ([], {}, True, ""),
        (
            [TESTS],
            {"env": "test"},
            False,
            "trigger 'tests' does not open it: nobody is woken by a test (labels.env == \"test\")",
        ),
        ([TESTS], {"env": "prod"}, True, "no trigger is about it"),
        ([PAGES, REST], {}, True, "trigger 'pages' opens it (severity == \"P1\")"),
        ([PAGES, REST], {"severity": "low"}, False, "trigger 'rest' does not open it (true)"),
        (
            [TESTS, PAGES, REST],
            {"env": "test"},
            False,
            "trigger 'tests' does not open it: nobody is woken by a test (labels.env == \"test\")",
        ),
        (
            [PAGES, TESTS],
            {"env": "test"},
            True,
            "trigger 'pages' opens it (severity == \"P1\")",
        ),
    ],
)
def test_the_first_trigger_that_is_about_an_alert_decides(triggers, labels, opens, because):
    verdict = decided(triggers, alert(**labels))
    assert (verdict.opens, verdict.because) == (opens, because)


def test_a_condition_on_a_label_that_is_not_there_does_not_hold():
    assert decided([TESTS], alert()) == Verdict(opens=True, because="no trigger is about it")


def test_a_condition_that_is_no_yes_or_no_does_not_hold_and_is_told():
    verdict = decided([trigger("odd", "labels.job", opens=False)], alert())
    assert verdict.opens
    assert "'odd' could not be asked: it is 'web', neither true nor false" in verdict.because


def test_what_could_not_be_asked_is_told_beside_what_decided():
    verdict = decided([trigger("odd", "labels.job", opens=False), REST], alert())
    assert not verdict.opens
    assert verdict.because.startswith("trigger 'rest' does not open it (true); 'odd' could not")


def test_many_conditions_that_cannot_be_asked_are_only_counted():
    many = [trigger(f"t{at}", f"labels.job + '{at}'", opens=False) for at in range(50)]
    because = decided(many, alert()).because
    assert because.endswith("; 47 others could not be asked either")
    assert len(because) < 500


def test_a_long_condition_is_cut():
    long = trigger("long", "true || " + " || ".join(["labels.x == ''"] * 500), opens=False)
    assert len(decided([long], alert()).because) < 300


def test_the_triggers_are_those_of_the_file():
    config = Config(triggers=(TESTS,))
    assert not Triggers.of(config).decided(alert(env="test")).opens
    assert Triggers().decided(alert(env="test")).opens
