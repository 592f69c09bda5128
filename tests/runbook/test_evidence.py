"""Evidence in runbooks: parameters and conditions that depend on it, and where values are from."""

import pytest

from shared.events import Alert, AlertStatus, ApprovalRule
from shared.lifecycle import Severity
from shared.runbook import UnfilledError, draft, load_runbooks, parse_runbook
from shared.runbook.conditions import answer
from shared.yamlsource import SourceError

TEXT = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: free-disk, title: Free a disk}
description: A disk is full.
match: {alerts: [DiskFull]}
params:
  mount: {from: evidence.disk_mount, default: /var}
  keep: {type: integer, from: evidence.keep_days, default: 7, min: 1}
  host: {from: labels.instance, strip_port: true}
  team: {from: annotations.team, required: false}
  what: {from: name}
  way: {default: gently}
steps:
  - id: vacuum
    when: 'has(evidence.disk_free) && evidence.disk_free < 10'
    uses: ssh
    target: "{{ host }}"
    run: "clean {{ mount }} --keep {{ keep }}"
  - {id: rotate, when: 'evidence.disk_kind == "logs"', uses: ssh, target: "{{ host }}", run: rotate}
verify:
  - {uses: ssh, target: "{{ host }}", run: "true"}
"""
INCLUDING = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: outer, title: Free a disk and more}
description: A disk is full.
match: {alerts: [DiskFull]}
steps:
  - id: inner
    uses: runbook
    runbook: free-disk
    when: 'evidence.disk_free < 10'
    with: {host: web-2}
verify:
  - {uses: local, target: here, run: "true"}
"""


def alert(**labels):
    return Alert(
        source="test",
        name="DiskFull",
        status=AlertStatus.FIRING,
        fingerprint="f",
        title="a disk is full",
        labels={"instance": "web-1:9100", **labels},
    )


def made(runbook, evidence):
    def approve(risk):
        return ApprovalRule(required=0, reason="a test")

    return draft(runbook, alert(), Severity.P2, approve=approve, evidence=evidence)


@pytest.fixture
def runbook():
    return parse_runbook(TEXT, file="free-disk.yaml")


@pytest.mark.parametrize(
    ("evidence", "run", "origins"),
    [
        (
            {"disk_mount": "/srv", "keep_days": 3},
            "clean /srv --keep 3",
            ("evidence disk_mount", "evidence keep_days"),
        ),
        (
            {"disk_mount": "/srv", "keep_days": 3.0},
            "clean /srv --keep 3",
            ("evidence disk_mount", "evidence keep_days"),
        ),
        (
            {"disk_mount": "/a b"},
            "clean '/a b' --keep 7",
            ("evidence disk_mount", "its default: there is no evidence keep_days"),
        ),
        (
            {},
            "clean /var --keep 7",
            (
                "its default: there is no evidence disk_mount",
                "its default: there is no evidence keep_days",
            ),
        ),
    ],
)
def test_a_parameter_is_filled_from_evidence_or_its_default(runbook, evidence, run, origins):
    plan = made(runbook, evidence)
    assert plan.steps[0].run == run
    assert (plan.origins["mount"], plan.origins["keep"]) == origins


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({"keep_days": "many"}, r"parameter keep \(from evidence.keep_days\): 'many' is no whole"),
        ({"keep_days": 0}, "is less than 1"),
        ({"disk_mount": "-rf"}, "would be read as an option"),
        ({"disk_mount": "a\nb"}, "has a line break"),
        ({"disk_mount": {"a": 1}}, "is no text"),
    ],
)
def test_evidence_that_cannot_be_used_is_told(runbook, evidence, reason):
    with pytest.raises(UnfilledError, match=reason):
        made(runbook, evidence)


def test_where_each_value_is_from_is_said(runbook):
    origins = made(runbook, {}).origins
    assert (origins["host"], origins["what"]) == ("label instance", "the alert's name")
    assert origins["way"] == "its default"
    assert "team" not in origins


@pytest.mark.parametrize(
    ("evidence", "answers"),
    [
        ({"disk_free": 3, "disk_kind": "logs"}, (True, True)),
        ({"disk_free": 3.5, "disk_kind": "data"}, (True, False)),
        ({"disk_free": 63}, (False, None)),
        ({}, (False, None)),
    ],
)
def test_a_condition_of_a_step_sees_evidence(runbook, evidence, answers):
    plan = made(runbook, {})
    found = [
        answer(step.when, {"steps": {}, "params": {}, "evidence": evidence}) for step in plan.steps
    ]
    assert [None if one.missing else one.holds for one in found] == list(answers)


def test_runbooks_that_are_included_get_the_same_evidence(tmp_path):
    (tmp_path / "inner.yaml").write_text(TEXT)
    (tmp_path / "outer.yaml").write_text(INCLUDING)
    outer = next(one for one in load_runbooks(tmp_path).runbooks if one.name == "outer")
    plan = made(outer, {"disk_mount": "/srv"})
    assert plan.origins["inner.mount"] == "evidence disk_mount"
    assert plan.origins["inner.host"] == "`with` of inner"
    assert {step.id: step.when for step in plan.steps} == {
        "inner": "evidence.disk_free < 10",
        "inner.vacuum": "has(evidence.disk_free) && evidence.disk_free < 10",
        "inner.rotate": 'evidence.disk_kind == "logs"',
    }


def test_lint_knows_evidence_in_conditions_and_not_in_other_places():
    parse_runbook(TEXT, file="a.yaml")
    wrong = TEXT.replace("clean {{ mount }}", "clean {{ evidence.disk_mount }}")
    with pytest.raises(SourceError, match="evidence is no parameter of this runbook"):
        parse_runbook(wrong, file="a.yaml")


def test_a_conditions_other_mistakes_are_still_told():
    wrong = TEXT.replace("has(evidence.disk_free) && evidence", "has(evidence.disk_free) && gone")
    with pytest.raises(SourceError, match="gone is not known here: there are evidence, params"):
        parse_runbook(wrong, file="a.yaml")


@pytest.mark.parametrize("text", ["values[3] > 1", "1 / zero > 1", "int(large) > 1"])
def test_a_condition_that_cannot_be_worked_out_does_not_hold(text):
    asked = answer(text, {"values": [1], "zero": 0, "large": 1e300})
    assert (asked.holds, bool(asked.problem)) == (False, True)
