"""Statements, scripts and calls in runbooks: what lint says, and what comes of them."""

from textwrap import dedent

import pytest

from shared.calls.families import FAMILIES, parsed_as
from shared.events import SqlCheck
from shared.lifecycle import Effect, Severity
from shared.runbook import UnrenderedError, checks, parse_runbook, render
from shared.runbook.late import written
from shared.runbook.steps import CallStep, PlaceStep
from shared.yamlsource import SourceError
from tests.runbook.runbooks import alert, one_yes

HEAD = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: many, title: Many}
description: Many ways to act.
match: {alerts: [TargetDown]}
params:
  service: {from: labels.job}
  count: {from: labels.count, type: integer, default: 3}
steps:
"""
TAIL = """
verify:
  - {uses: sql, target: shop, run: "SELECT count(*) = 0 FROM jobs WHERE worker = {{ service }}"}
"""


def runbook(steps):
    text = HEAD + dedent(steps).strip("\n").replace("\n", "\n  ").join(("  ", "")) + TAIL
    return parse_runbook(text, file="many.yaml")


def rendered(steps, **labels):
    book = runbook(steps)
    given = alert(labels={"job": "shop", **labels})
    params = {"service": given.labels["job"], "count": 3}
    return render(book, given, Severity.P2, params, approve=one_yes)


def one(step, **labels):
    (found,) = rendered(step, **labels)
    return found


POST = """
- id: purge
  uses: http
  target: cdn
  action: POST
  with:
    json: {keys: ["{{ service }}", 7], deep: {a: "x{{ service }}y"}}
    path: "/purge/{{ service }}"
    expect: {status: 200, json: {state: ok}}
"""


def test_a_call_becomes_its_canonical_text_in_the_order_of_its_model():
    step = one(POST, job="a/b")
    assert step.run == (
        "POST\n"
        'path: "/purge/a%2Fb"\n'
        'expect: {"status": 200, "json": {"state": "ok"}}\n'
        'json: {"keys": ["a/b", 7], "deep": {"a": "xa/by"}}'
    )
    call = parsed_as("http", step.run)
    assert parsed_as("http", call.text()) == call
    assert step.effect is Effect.ONCE


@pytest.mark.parametrize(
    ("action", "given", "effect"),
    [
        ("GET", '{path: "/"}', Effect.READ_ONLY),
        ("PUT", '{path: "/"}', Effect.IDEMPOTENT),
        ("POST", '{path: "/"}', Effect.ONCE),
    ],
)
def test_the_effect_of_an_action_is_what_it_says_of_itself(action, given, effect):
    step = one(f"- {{id: a, uses: http, target: cdn, action: {action}, with: {given}}}")
    assert step.effect is effect


def test_check_and_rollback_of_a_call_are_calls():
    step = one(
        """
        - id: a
          uses: http
          target: cdn
          action: POST
          with: {path: /on}
          check: {action: GET, with: {path: "/state/{{ service }}"}}
          rollback: {action: DELETE, with: {path: /on}}
        """
    )
    assert step.check == 'GET\npath: "/state/shop"'
    assert step.rollback == 'DELETE\npath: "/on"'
    assert step.effect is Effect.CHECK_THEN_ACT


def test_a_statement_has_its_values_below_it():
    step = one(
        """
        - id: a
          uses: sql
          target: shop
          run: UPDATE jobs SET n = {{ count }} WHERE worker = {{ service }}
        """,
        job="x'; DROP TABLE jobs; --",
    )
    assert step.run == (
        "UPDATE jobs SET n = :p0 WHERE worker = :p1\n"
        "-- :p0 = 3\n"
        '-- :p1 = "x\'; DROP TABLE jobs; --"'
    )


def test_a_script_has_its_arguments_in_its_first_line_and_its_source_as_it_stands():
    step = one(
        """
        - id: a
          uses: script
          target: web
          interpreter: python3
          args: ["{{ service }}", "--dir=/x y/{{ service }}", ""]
          source: |
            print("{{ service }} {% raw %}")
            print('''  ''')
        """,
        job="web 1",
    )
    assert step.run == (
        "python3 'web 1' '--dir=/x y/''web 1' ''\n"
        'print("{{ service }} {% raw %}")\n'
        "print('''  ''')\n"
    )


def test_a_wait_and_a_question_need_no_target():
    steps = rendered(
        """
        - {id: a, uses: wait, action: for, with: {duration: 30s}}
        - id: b
          uses: ask
          action: form
          with: {question: "Which of {{ service }}?", fields: {node: {title: Node}}}
        """
    )
    assert [(step.target, step.effect) for step in steps] == [("", Effect.READ_ONLY)] * 2
    assert steps[0].run == 'for\nduration: "30s"'
    assert 'question: "Which of shop?"' in steps[1].run


def test_a_check_of_a_database_has_its_values_bound():
    book = runbook(POST)
    (check,) = checks(book, alert(), {"service": "shop", "count": 3})
    assert isinstance(check, SqlCheck)
    assert check.run.endswith('WHERE worker = :p0\n-- :p0 = "shop"')


@pytest.mark.parametrize(
    ("value", "told"),
    [("..", "lead elsewhere"), (".", "lead elsewhere"), ("a\nb", "line break")],
)
def test_a_value_that_its_argument_cannot_be_makes_no_plan(value, told):
    with pytest.raises(UnrenderedError, match=told):
        one(POST, job=value)


def test_what_an_earlier_step_found_is_written_into_a_call_later():
    steps = rendered(
        """
        - id: look
          uses: http
          target: cdn
          action: GET
          with: {path: /id}
          outputs: {id: {json: id}}
        - id: act
          needs: [look]
          uses: http
          target: cdn
          action: DELETE
          with: {path: "/x/{{ steps.look.outputs.id }}"}
        """
    )
    act = written(steps[1], {"look": {"id": 'a/"b'}})
    assert act.run == 'DELETE\npath: "/x/a%2F%22b"'
    assert steps[1].asks is not None


MISTAKES = [
    ("action: PSOT, with: {path: /}", "PSOT", "http has no action PSOT: did you mean POST?"),
    ("action: POST, with: {path: /, jsn: 1}", "jsn", "POST has no argument jsn: did you mean json"),
    ("action: POST, with: {}", "POST", "path: is missing"),
    ("action: POST, with: {path: x}", "path", "begins with one /"),
    ('action: POST, with: {path: "/{{ servce }}"}', "servce", "servce is no parameter"),
    ('action: "{{ service }}", with: {path: /}', '"{{ service', "http has no action"),
    ("action: POST, with: {path: /, expect: {status: 99}}", "status", "has to be 100 or more"),
    ("action: PUT, effect: read_only, with: {path: /}", "PUT", "cannot be read_only"),
    (
        "action: POST, with: {path: /}, check: {action: PUT, with: {path: /}}",
        "PUT",
        "a check only looks",
    ),
]


@pytest.mark.parametrize(("fields", "where", "told"), MISTAKES)
def test_a_mistake_in_a_call_is_told_at_its_place(fields, where, told):
    line = f"- {{id: act, uses: http, target: cdn, {fields}}}"
    with pytest.raises(SourceError) as error:
        runbook(line)
    (found,) = [problem for problem in error.value.problems if told in problem.message]
    # What is wrong with a value is told where its name stands.
    text = f"  {line}"
    assert found.line == 10
    assert found.column - 1 in (text.index(where), text.index(where) - len("action: "))


def test_a_search_by_post_may_be_declared_to_only_look():
    step = one("- {id: a, uses: http, target: x, action: POST, effect: read_only, with: {path: /}}")
    assert step.effect is Effect.READ_ONLY


def test_a_question_is_asked_of_those_that_the_author_names():
    with pytest.raises(SourceError, match="no value comes into it"):
        runbook(
            """
            - id: a
              uses: ask
              action: form
              with: {question: x, fields: {a: {}}, from: ["{{ service }}"]}
            """
        )


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT '{{ service }}'", "stands in quotes"),
        ("SELECT 1 -- {{ service }}", "stands in a comment"),
        ("SELECT :p0", "are Handrail's"),
        ("SELECT /*! 1 */ 2", "MySQL reads"),
    ],
)
def test_a_statement_binds_where_it_can(statement, told):
    with pytest.raises(SourceError, match=told):
        runbook(f'- {{id: a, uses: sql, target: shop, run: "{statement}"}}')


def test_a_source_with_carriage_returns_is_refused():
    with pytest.raises(SourceError, match="carriage return"):
        runbook('- {id: a, uses: script, target: web, interpreter: sh, source: "a\\r\\nb"}')


def test_every_family_that_steps_may_use_is_there():
    uses = {
        name
        for step in (CallStep, PlaceStep)
        for name in step.model_fields["uses"].annotation.__args__
    }
    assert uses == set(FAMILIES)


def test_actions_and_arguments_are_told_apart_by_their_names():
    for family in FAMILIES.values():
        actions = [model.action for model in family]
        assert len(set(actions)) == len(actions)


def test_what_people_answer_are_outputs_that_later_steps_use():
    book = runbook(
        """
        - id: which
          uses: ask
          action: form
          with:
            question: Which?
            fields:
              node: {type: choice, options: [n-1, "n 2"]}
              count: {type: integer}
        - id: stop
          needs: [which]
          uses: local
          target: here
          when: steps.which.outputs.count > 1
          run: "stop {{ steps.which.outputs.node }}"
        """
    )
    (which, _) = book.content.steps
    assert {name: rule.type for name, rule in which.outputs.items()} == {
        "node": "string",
        "count": "integer",
    }
    assert which.outputs["node"].pattern == r"n\-1|n\ 2"


def test_an_ask_has_no_outputs_but_its_answers():
    with pytest.raises(SourceError, match="leave `outputs` out"):
        runbook(
            """
            - id: which
              uses: ask
              action: form
              with: {question: x, fields: {a: {}}}
              outputs: {a: {regex: "."}}
            """
        )


CHECK = "{uses: kubernetes, target: prod, action: get, with: {kind: Node, expect: spec.a, name: b}}"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("expect: spec.a, ", "", "say what to `expect` of it"),
        ("expect: spec.a", "expect: 'a['", "is no JMESPath"),
        ("expect: spec.a", "expect: '{{ service }}'", "writes this argument out"),
        ("action: get", "action: cordon", "'get' or 'rollout_status'"),
        ("name: b", "nam: b", "did you mean name?"),
        ("kind: Node", "kind: Secret", "secrets are not read"),
        ("name: b", "name: '{{ servic }}'", "servic is no parameter"),
        ("target: prod", "target: '{{ taget }}'", "taget is no parameter"),
    ],
)
def test_a_check_that_is_a_call_is_looked_at_like_one(old, new, reason):
    assert old in CHECK
    step = "  - {id: a, uses: local, target: a, run: 'true'}\n"
    text = f"{HEAD}{step}verify:\n  - "
    parse_runbook(text + CHECK, file="many.yaml")
    with pytest.raises(SourceError) as refused:
        parse_runbook(text + CHECK.replace(old, new), file="many.yaml")
    assert reason in str(refused.value)
