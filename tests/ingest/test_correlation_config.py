"""The rules of correlation in handrail.yaml, and their mistakes."""

from datetime import timedelta

import pytest

from shared.config import load_config
from shared.yamlsource import SourceError


@pytest.fixture
def load(tmp_path):
    """A configuration out of the text of its rules."""

    def from_text(rules):
        path = tmp_path / "handrail.yaml"
        path.write_text(f"correlation: {rules}\n")
        return load_config(path)

    return from_text


def test_a_rule_says_little_where_the_defaults_do(load):
    (rule,) = load("[{name: a, by: resource}]").correlation
    assert (rule.by, rule.within, rule.at_least) == (("resource",), timedelta(minutes=5), 2)


def test_a_rule_may_count_conditions(load):
    text = """
  - name: rack
    when: labels.dc == "ams"
    by: [labels.rack, service]
    within: 90s
    at_least: 2
    of: [name == "SwitchDown", name.startsWith("Node"), severity == "P1"]
    reason: a switch takes its nodes with it
"""
    (rule,) = load(text).correlation
    assert rule.by == ("labels.rack", "service")
    assert len(rule.of) == 3
    assert rule.within == timedelta(seconds=90)


def test_without_rules_there_are_none(load):
    assert load("[]").correlation == ()


@pytest.mark.parametrize(
    ("rules", "place", "reason"),
    [
        ("[{name: a}]", (1, 15), "by"),
        ("[{name: a, by: []}]", (1, 25), "must not be empty"),
        ("[{name: a, by: ['']}]", (1, 30), "is no CEL expression"),
        ("[{name: a, by: [node]}]", (1, 30), "at character 1: node is not known here"),
        ("[{name: a, by: ['\"all\"']}]", (1, 30), "is the same for every alert"),
        ("[{name: a, by: [name, name]}]", (1, 25), "name is there twice"),
        ("[{name: a, by: name, when: 'x > '}]", (1, 35), "is no CEL expression"),
        ("[{name: a, by: name, at_least: 1}]", (1, 35), "has to be 2 or more"),
        ("[{name: a, by: name, within: 5}]", (1, 35), "is no duration"),
        ("[{name: a, by: name, within: 2d}]", (1, 35), "is longer than a day"),
        (
            "[{name: a, by: name, at_least: 3, of: ['name == \"x\"', 'name == \"y\"']}]",
            (1, 15),
            "`at_least` is 3, and `of` has no more than 2",
        ),
        ("[{name: a, by: name, of: ['true', 'true']}]", (1, 35), "true is there twice"),
        ("[{name: a, by: name, of: ['host']}]", (1, 40), "host is not known here"),
        ("[{name: a, by: name}, {name: a, by: name}]", (1, 1), "the rule 'a' is there twice"),
        ("[{name: a, by: name, window: 5m}]", (1, 35), "there is no such field"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(load, rules, place, reason):
    with pytest.raises(SourceError) as caught:
        load(rules)
    (problem, *_) = caught.value.problems
    assert reason in problem.message
    assert (problem.line, problem.column) == place
