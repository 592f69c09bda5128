"""What may be said in advance, and what may not."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.events import RunbookRef
from shared.lifecycle import Risk
from shared.standing.making import Speaker, UnfitWordError, delegation, window
from tests.standing import words
from tests.standing.words import ADA, AT, BOB

HERE = Speaker(uuid4(), ADA, "email", AT)
PEOPLE = (ADA, BOB)
RESTART = RunbookRef(name="restart", title="Restart it", version="abc")


def hour(number):
    return AT + timedelta(hours=number)


def test_a_delegation_has_addresses_in_small_letters():
    said = delegation(HERE, of=ADA.upper(), to=BOB.upper(), until=hour(8), people=PEOPLE)
    assert (said.of, said.to, said.until) == (ADA, BOB, hour(8))


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        ({"to": "eve@example.org"}, "no eve@example.org"),
        ({"of": "eve@example.org"}, "no eve@example.org"),
        ({"to": ADA}, "somebody else"),
        ({"until": AT}, "over already"),
        ({"until": hour(24 * 61)}, "at most 60d"),
    ],
)
def test_a_delegation_that_makes_no_sense_is_refused(wrong, because):
    with pytest.raises(UnfitWordError, match=because):
        delegation(HERE, **{"of": ADA, "to": BOB, "until": hour(8), "people": PEOPLE, **wrong})


@pytest.mark.parametrize(
    ("wrong", "because"),
    [
        ({"risk": Risk.CRITICAL}, "critical"),
        ({"until": hour(25)}, "at most 1d"),
        ({"until": hour(-1)}, "over already"),
        ({"times": 0}, "one step"),
    ],
)
def test_a_window_that_may_not_be_is_refused(wrong, because):
    with pytest.raises(UnfitWordError, match=because):
        window(HERE, RESTART.name, RESTART.seal, **{"risk": Risk.HIGH, "until": hour(2), **wrong})


def test_a_window_is_for_the_text_of_the_runbook_with_all_that_is_part_of_it():
    one = RESTART.model_copy(update={"includes": {"drain": "1"}})
    other = RESTART.model_copy(update={"includes": {"drain": "2"}})
    said = window(HERE, one.name, one.seal, risk=Risk.HIGH, until=hour(2))
    step = {"runbook": "restart", "risk": Risk.LOW, "target": "web-1"}
    covered = [said.covers(version=each.seal, **step) for each in (one, other, RESTART)]
    assert covered == [True, False, False]


@pytest.mark.parametrize(
    ("given", "asked", "covered"),
    [
        (Risk.HIGH, Risk.HIGH, True),
        (Risk.HIGH, Risk.LOW, True),
        (Risk.MEDIUM, Risk.HIGH, False),
        (Risk.HIGH, Risk.CRITICAL, False),
        (Risk.CRITICAL, Risk.CRITICAL, False),
    ],
)
def test_a_window_is_for_its_risk_and_less_and_never_for_what_may_break_most(given, asked, covered):
    said = words.window(risk=given)
    step = {"runbook": "restart", "version": "abc", "target": "web-1"}
    assert said.covers(risk=asked, **step) is covered
