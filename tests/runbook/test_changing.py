"""Other values for one step of a plan."""

import pytest

from shared.lifecycle import Severity
from shared.runbook import draft, parse_runbook
from shared.runbook.changing import (
    UnfitChangeError,
    changed_values,
    fitted,
    form_of,
    texts_with,
)
from shared.runbook.library import assembled, parsed_runbook
from tests.runbook.runbooks import alert, one_yes

TEXT = r"""
apiVersion: handrail/v1
kind: Runbook
metadata: {name: restart, title: Restart a service}
description: It hangs.
match: {alerts: [ServiceDown]}
params:
  service: {from: labels.job, pattern: '[a-z0-9-]+', about: What systemd calls it}
  host: {from: labels.instance, strip_port: true}
  tries: {type: integer, default: 3, min: 1, max: 9}
  mode: {type: enum, one_of: [soft, hard], default: soft}
  paths: {type: list, default: [/a, /b]}
  owner: {from: labels.owner, required: false}
  fixed: {from: labels.job, changeable: false}
  unused: {default: nothing}
steps:
  - {id: look, uses: ssh, target: "{{ host }}", run: "uptime", risk: low, effect: read_only,
     outputs: {load: {regex: "load (\\d+)"}}}
  - id: restart
    title: Restart {{ service }}
    uses: ssh
    target: "{{ host }}"
    run: "systemctl restart {{ service }} --tries {{ tries }} {{ mode }} {{ paths | join(' ') }}"
    rollback: {run: "systemctl stop {{ service }} {{ fixed }}"}
    risk: high
  - {id: notes, uses: ssh, target: "{{ host }}", run: "echo {{ owner | default('nobody') }}"}
  - {id: plain, uses: ssh, target: web-1, run: "uptime", risk: high}
  - {id: after, needs: [look], uses: ssh, target: web-1,
     run: "echo {{ steps.look.outputs.load }} {{ service }}", risk: high}
  - {id: each, uses: ssh, target: web-1, foreach: {items: [a, b], as: one},
     run: "echo {{ one }} {{ service }}", risk: high}
verify: [{uses: ssh, target: web-1, run: "true"}]
"""
ALERT = alert("ServiceDown", labels={"job": "api", "instance": "web-1:9100"})


def plan(text=TEXT):
    runbook = parse_runbook(text, file="restart.yaml")
    made = draft(runbook, ALERT, Severity.P1, approve=one_yes)
    return runbook, made


def changeable(step_id="restart"):
    runbook, made = plan()
    return form_of(runbook, step_id).filled({**made.params, **made.values}, ALERT)


def test_a_form_has_the_parameters_that_the_step_uses_with_their_values():
    fields = {field.name: field.value for field in changeable().fields}
    assert fields == {
        "service": "api",
        "host": "web-1",
        "tries": "3",
        "mode": "soft",
        "paths": "/a,/b",
    }


def test_a_field_says_what_its_parameter_is():
    field = changeable().fields[0]
    assert (field.about, field.pattern, field.required) == (
        "What systemd calls it",
        "[a-z0-9-]+",
        True,
    )


def test_with_the_same_values_the_texts_are_those_of_the_plan():
    _, made = plan()
    step = next(step for step in made.steps if step.id == "restart")
    texts = texts_with(changeable(), "ssh", {})
    assert texts == {name: getattr(step, name) for name in texts}
    assert set(texts) == {"title", "target", "run", "rollback"}


def test_another_value_is_put_into_every_text_of_the_step():
    form = changeable()
    texts = texts_with(form, "ssh", fitted(form, {"service": "api-2", "tries": "5"}))
    assert texts["run"] == "systemctl restart api-2 --tries 5 soft '/a /b'"
    assert texts["rollback"] == "systemctl stop api-2 api"
    assert texts["title"] == "Restart api-2"


@pytest.mark.parametrize("step_id", ["plain", "after", "each", "each[0]", "look[1]", "no-such"])
def test_of_some_steps_nothing_may_be_changed(step_id):
    assert form_of(plan()[0], step_id) is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"service": "a; reboot"}, "pattern", id="not the pattern"),
        pytest.param({"host": "web-1\nreboot"}, "line break", id="a line break"),
        pytest.param({"host": "web\u202e1"}, "control character", id="reordering"),
        pytest.param({"host": "-oProxyCommand=x"}, "option", id="an option"),
        pytest.param({"host": "h" * 1001}, "longer than", id="too long"),
        pytest.param({"host": "  "}, "empty", id="empty"),
        pytest.param({"tries": "many"}, "whole number", id="no number"),
        pytest.param({"tries": "10"}, "more than 9", id="too many"),
        pytest.param({"mode": "brutal"}, "none of soft, hard", id="no option"),
        pytest.param({"fixed": "x"}, "cannot be changed", id="not changeable"),
        pytest.param({"unused": "x"}, "cannot be changed", id="not used"),
        pytest.param({"labels": "x"}, "cannot be changed", id="no parameter"),
        pytest.param({"service": "api", "tries": " 3 "}, "as it was", id="nothing else"),
        pytest.param({}, "as it was", id="nothing"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_why(given, why):
    with pytest.raises(UnfitChangeError, match=why):
        fitted(changeable(), given)


def test_a_value_without_a_pattern_is_quoted():
    form = changeable("notes")
    made = texts_with(form, "ssh", fitted(form, {"owner": "a'; reboot #"}))
    assert made["run"] == """echo 'a'"'"'; reboot #'"""


def test_an_optional_value_may_be_left_out_again():
    runbook, made = plan()
    form = form_of(runbook, "notes").filled({**made.params, "owner": "ann"}, ALERT)
    assert texts_with(form, "ssh", fitted(form, {"owner": ""}))["run"] == "echo nobody"


def test_what_changed_is_told_by_name():
    form = changeable()
    values = fitted(form, {"paths": "/c", "mode": "hard", "service": "api"})
    assert list(changed_values(form, values)) == [
        ("mode", "soft", "hard"),
        ("paths", "/a,/b", "/c"),
    ]


def test_a_step_of_an_included_runbook_has_the_parameters_of_that_runbook():
    outer = """
apiVersion: handrail/v1
kind: Runbook
metadata: {name: outer, title: Outer}
description: It hangs.
match: {alerts: [ServiceDown]}
steps:
  - {id: inner, uses: runbook, runbook: restart, with: {tries: 5}}
verify: [{uses: ssh, target: web-1, run: "true"}]
"""
    texts = {"outer": outer, "restart": TEXT}
    library = assembled({name: parsed_runbook(text, file=name) for name, text in texts.items()})
    made = draft(library.get("outer"), ALERT, Severity.P1, approve=one_yes)
    form = form_of(library.get("outer"), "inner.restart")
    found = form.filled({**made.params, **made.values}, ALERT)
    assert {field.name: field.value for field in found.fields}["tries"] == "5"
    step = next(step for step in made.steps if step.id == "inner.restart")
    assert texts_with(found, "ssh", {})["run"] == step.run
