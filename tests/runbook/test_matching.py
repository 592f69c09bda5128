"""Which runbook is for an alert."""

import pytest

from shared.lifecycle import Severity
from shared.runbook import Library, match
from tests.runbook.runbooks import alert, named, runbook

EXACT = named("exact", "{alerts: [TargetDown]}")
GLOB = named("glob", '{alerts: ["Target*"]}')
SHORT = named("short", '{alerts: ["T*"]}')
OTHER = named("other", "{alerts: [DiskFull]}")
CONDITION = named("condition", "{when: 'severity == \"P1\"'}")
SEARCHED = named("searched", "{text: only for the search}")


def names(*runbooks, severity=Severity.P1, **fields) -> list[str]:
    ranking = match(Library(runbooks), alert(**fields), severity)
    return [candidate.runbook.name for candidate in ranking.matches]


@pytest.mark.parametrize(
    ("runbooks", "ranked"),
    [
        ((GLOB, EXACT), ["exact", "glob"]),
        ((SHORT, GLOB), ["glob", "short"]),
        ((CONDITION, SHORT), ["short", "condition"]),
        ((OTHER, SEARCHED), []),
        ((named("b", "{alerts: [TargetDown]}"), named("a", "{alerts: [TargetDown]}")), ["a", "b"]),
        ((named("many", '{alerts: ["T*", "TargetDow?"]}'), GLOB), ["many", "glob"]),
        ((), []),
    ],
)
def test_the_closest_name_wins_then_the_alphabet(runbooks, ranked):
    assert names(*runbooks) == ranked


@pytest.mark.parametrize(
    ("when", "matched", "reason"),
    [
        ('severity in ["P1"]', True, "holds"),
        ('severity == "P3"', False, "does not hold"),
        ('labels.job == "shop" && name == "TargetDown"', True, "holds"),
        ('labels.team == "web"', False, "there is no team"),
        ('annotations.x != ""', False, "there is no x"),
        ('source == "alertmanager"', True, "holds"),
        ("labels.exists(k, k == 'job')", True, "holds"),
        ("int(labels.job) > 1", False, "parse error"),
    ],
)
def test_the_condition_decides_and_says_why(when, matched, reason):
    asked = named("asked", f"{{alerts: [TargetDown], when: {when!r}}}")
    ranking = match(Library((asked,)), alert(), Severity.P1)
    (candidate,) = ranking.matches or ranking.others
    assert candidate.matched is matched
    assert reason in candidate.reasons[1]
    assert when in candidate.reasons[1]


def test_the_others_say_why_they_do_not_match():
    ranking = match(Library((OTHER, SEARCHED)), alert(), Severity.P1)
    assert [candidate.reasons for candidate in ranking.others] == [
        ("it is for DiskFull, not for TargetDown",),
        ("it is for no alert by name, not for TargetDown",),
    ]


def test_names_are_told_apart_by_case():
    assert names(EXACT, GLOB, name="targetdown") == []


def test_the_severity_is_the_one_that_triage_gave():
    assert names(runbook(), severity=Severity.P4) == []
