"""What conditions see of an alert."""

import pytest

from services.ingest.sources.alertmanager import parse
from services.ingest.webhook import Webhook
from shared.alertwords import WORDS, asked, said_by
from tests.ingest.payloads import body, fired


def alert(**labels):
    (parsed,) = parse(Webhook("am", body(fired(**labels))))
    return parsed


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('name == "TargetDown" && source == "am" && status == "firing"', True),
        ('severity in ["P1", "P2"]', True),
        ('severity == ""', False),
        ('title.contains("does not answer") && description.startsWith("No scrape")', True),
        ('resource == "web-1:9100" && labels.job == "web"', True),
        ("has(annotations.runbook_url) && !has(labels.zone)", True),
        ('labels.exists(name, labels[name] == "web")', True),
    ],
)
def test_a_condition_asks_for_what_an_alert_says(condition, holds):
    assert asked(condition, alert()).holds is holds


def test_all_words_are_said():
    assert set(said_by(alert())) == WORDS


def test_a_severity_that_nobody_said_is_empty():
    assert asked('severity == ""', alert(severity="purple")).holds


def test_each_alert_is_asked_about_itself():
    one, other = alert(instance="a"), alert(instance="b")
    found = [asked('labels.instance == "a"', each).holds for each in (one, one, other, one)]
    assert found == [True, True, False, True]


def test_what_cannot_be_worked_out_does_not_hold():
    answer = asked('labels.zone == "a"', alert())
    assert (answer.holds, answer.problem) == (False, "there is no zone")
