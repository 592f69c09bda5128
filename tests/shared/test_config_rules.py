"""The rules about alerts in handrail.yaml, and their mistakes."""

import pytest

from shared.config import load_config
from shared.yamlsource import SourceError

SOURCE = "sources:\n  am:\n    bearer: {env: A}\n    fingerprint: "


@pytest.fixture
def load(tmp_path):
    """A configuration out of its text."""

    def from_text(text):
        path = tmp_path / "handrail.yaml"
        path.write_text(text)
        return load_config(path)

    return from_text


def problems(load, text):
    with pytest.raises(SourceError) as caught:
        load(text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("rules", "read"),
    [
        ("{labels: [cluster, job]}", [{"labels": ("cluster", "job")}]),
        ("{labels: cluster}", [{"labels": ("cluster",)}]),
        ("{without: [pod]}", [{"without": ("pod",)}]),
        ("{by: [labels.cluster, resource]}", [{"by": ("labels.cluster", "resource")}]),
        (
            "[{when: 'labels.job == \"x\"', without: [pod]}, {by: name}]",
            [{"when": 'labels.job == "x"', "without": ("pod",)}, {"by": ("name",)}],
        ),
    ],
)
def test_what_tells_problems_apart_is_one_rule_or_a_list_of_them(load, rules, read):
    found = load(SOURCE + rules).sources["am"].fingerprint
    assert [rule.model_dump(exclude_none=True) for rule in found] == read


@pytest.mark.parametrize(
    ("rules", "column", "reason"),
    [
        ("{}", 5, "exactly one of `labels`, `without` and `by`"),
        ("{labels: [a], by: [name]}", 5, "exactly one of `labels`, `without` and `by`"),
        ("{when: 'true'}", 5, "exactly one of `labels`, `without` and `by`"),
        ("[]", 5, "must not be empty"),
        ("{labels: []}", 19, "must not be empty"),
        ("{labels: ['']}", 28, "must not be empty"),
        ("{labels: [a, a]}", 19, "a is there twice"),
        ("{label: [a]}", 19, "there is no such field: did you mean"),
        ("{by: ['1 +']}", 24, "is no CEL expression"),
        ("{by: ['host']}", 24, "at character 1: host is not known here"),
        ("{by: ['name + severity']}", 24, "at character 8: severity may be another"),
        ("{by: [annotations.x]}", 24, "at character 1: annotations may be another"),
        ("{by: ['\"x\"']}", 24, "is the same for every alert"),
        ("{by: [title]}", 24, "ask for name, source, resource or labels"),
        ("{when: 'status == \"firing\"', labels: [a]}", 19, "status may be another"),
        ("{when: 'description == \"\"', labels: [a]}", 19, "description may be another"),
        ("{when: true, labels: [a]}", 19, "put it in quotes"),
        ("[{labels: [a]}, {labels: [b]}]", 5, "the rules after number 1 are never asked"),
    ],
)
def test_a_wrong_rule_of_identity_is_told_with_its_place(load, rules, column, reason):
    found = problems(load, SOURCE + rules + "\n")
    told = [(one.line, one.column) for one in found if reason in one.message]
    assert told == [(4, column)], [str(one) for one in found]


def test_triggers_are_read_in_their_order(load):
    text = (
        "triggers:\n"
        "  - {name: tests, when: 'labels.env == \"test\"', open: false, reason: no one cares}\n"
        "  - {name: rest, when: 'true', open: true}\n"
    )
    found = load(text).triggers
    assert [(one.name, one.open, one.reason) for one in found] == [
        ("tests", False, "no one cares"),
        ("rest", True, ""),
    ]


@pytest.mark.parametrize(
    ("trigger", "column", "reason"),
    [
        ("{name: a, when: 'true'}", 5, "open: is missing"),
        ("{name: a, open: true}", 5, "when: is missing"),
        ("{when: 'true', open: true}", 5, "name: is missing"),
        ("{name: '', when: 'true', open: true}", 6, "must not be empty"),
        ("{name: a, when: true, open: true}", 15, "put it in quotes"),
        ("{name: a, when: 'label.x', open: true}", 15, "label is not known here"),
        ("{name: a, when: 'name ==', open: true}", 15, "it ends too early"),
        ("{name: a, when: 'true', open: maybe}", 29, "true or false is expected"),
        ("{name: a, when: 'true', opens: true}", 29, "there is no such field"),
    ],
)
def test_a_wrong_trigger_is_told_with_its_place(load, trigger, column, reason):
    found = problems(load, f"triggers:\n  - {trigger}\n")
    told = [(one.line, one.column) for one in found if reason in one.message]
    assert told == [(2, column)], [str(one) for one in found]


def test_two_triggers_of_one_name_are_refused(load):
    one = "  - {name: a, when: 'true', open: true}\n"
    (found,) = problems(load, f"triggers:\n{one}{one}")
    assert "the trigger 'a' is there twice" in found.message
