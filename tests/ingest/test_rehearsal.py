"""What alerts would do to tickets, tried without a store."""

import pytest

from services.ingest.normal import normalised
from services.ingest.rehearsal import Rehearsal, Standing, Told
from services.ingest.ticket import variant
from services.ingest.triggers import Triggers
from shared.config.triggers import TriggerConfig
from shared.events import AlertStatus


def told(instance="web-1", *, over=False, where="", ruled="", **labels):
    identity = {"name": "Down", "instance": instance}
    alert = normalised(
        "am",
        name="Down",
        status=AlertStatus.RESOLVED if over else AlertStatus.FIRING,
        identity=identity,
        labels={"instance": instance, **labels},
    )
    return Told(where or f"{instance}.json", alert, identity, ruled)


FIRES, OVER = told(), told(over=True)


@pytest.mark.parametrize(
    ("alerts", "would"),
    [
        ([FIRES], "open"),
        ([FIRES, FIRES], "open repeat"),
        ([FIRES, told("web-2")], "open open"),
        ([FIRES, OVER], "open resolve"),
        ([FIRES, OVER, OVER], "open resolve ignore"),
        ([FIRES, OVER, FIRES], "open resolve reopen"),
        ([OVER], "ignore"),
        ([FIRES, told("web-2", over=True)], "open ignore"),
        (
            [FIRES, told(severity="critical"), OVER, told(severity="critical", over=True)],
            "open repeat ignore resolve",
        ),
    ],
)
def test_alerts_open_repeat_and_resolve_tickets(alerts, would):
    rehearsal = Rehearsal()
    assert " ".join(rehearsal.hear(one).would for one in alerts) == would


def standing(*firing):
    return Standing("ticket aaaa0000", FIRES.alert.fingerprint, frozenset(firing))


@pytest.mark.parametrize(
    ("ticket", "alert", "would"),
    [
        (standing(), FIRES, "repeat"),
        (standing(variant(FIRES.alert)), OVER, "resolve"),
        (standing(variant(FIRES.alert), "another"), OVER, "ignore"),
    ],
)
def test_an_open_ticket_takes_what_has_its_fingerprint(ticket, alert, would):
    outcome = Rehearsal.upon([ticket]).hear(alert)
    assert outcome.would == would
    assert "ticket aaaa0000" in outcome.because


def test_what_does_not_merge_says_what_is_different():
    rehearsal = Rehearsal()
    rehearsal.hear(told("web-1"))
    outcome = rehearsal.hear(told("web-2"))
    expected = "not the problem of web-1.json: instance is 'web-2', there 'web-1'"
    assert outcome.because == expected


def test_what_merges_says_with_what():
    rehearsal = Rehearsal()
    rehearsal.hear(told(where="first.json"))
    assert rehearsal.hear(told()).because == "the same fingerprint as first.json"


NO_TESTS = Triggers((TriggerConfig(name="tests", when='labels.env == "test"', open=False),))


@pytest.mark.parametrize(
    ("standing", "alert", "would", "because"),
    [
        ([], told(env="test"), "ignore", "trigger 'tests' does not open it"),
        ([], told(env="prod"), "open", "has its fingerprint; no trigger is about it"),
        ([standing()], told(env="test"), "repeat", "the same fingerprint as ticket aaaa0000"),
        (
            [standing(variant(told(env="test").alert))],
            told(env="test", over=True),
            "resolve",
            "the same fingerprint as ticket aaaa0000",
        ),
    ],
)
def test_a_trigger_only_keeps_tickets_from_being_opened(standing, alert, would, because):
    outcome = Rehearsal.upon(standing, NO_TESTS).hear(alert)
    assert outcome.would == would
    assert because in outcome.because


def test_why_it_has_its_fingerprint_is_told_where_rules_say_so():
    outcome = Rehearsal().hear(told(ruled="by rule 1"))
    assert outcome.because == "nothing that is open has its fingerprint (by rule 1)"
