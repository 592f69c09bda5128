"""Wrong runbooks: every mistake is told with its line, its column and what to do."""

import pytest

from shared.runbook import parse_runbook
from shared.yamlsource import SourceError
from tests.runbook.runbooks import WHOLE, runbook


def problems(text: str) -> list[tuple[tuple[int, int], str]]:
    """Where and what is wrong with a runbook."""
    try:
        runbook(text)
    except SourceError as error:
        return [((p.line, p.column), p.message) for p in error.problems]
    return []


def place(text: str, piece: str) -> tuple[int, int]:
    """Line and column of the first time that a piece stands in a text."""
    before = text[: text.index(piece)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


RUN = "systemctl restart {{ service }}"
WHEN = "steps.look.exit_code != 0"

# What is replaced, by what, what stands at the place that is told, and a part of the reason.
SHAPES = [
    ("timeout: 2m", "timout: 2m", "timout", "there is no such field: did you mean timeout?"),
    ("timeout: 2m", "timeout: 2", "timeout", "2 is no duration: write a number and its unit"),
    ("timeout: 2m", "timeout: 2 m", "timeout", "no duration"),
    ("timeout: 2m", "timeout: 0s", "timeout", "longer than nothing"),
    ("timeout: 2m", "timeout: 900h", "timeout", "longer than 30 days"),
    ("hold: 30s", "hold: 30m", "{uses: prometheus", "cannot `hold` for longer"),
    ("risk: high", "risk: huge", "risk: huge", "'low', 'medium', 'high' or 'critical'"),
    ("effect: idempotent", "effect: check_then_act", "id: restart", "needs a `check`"),
    ("risk: high", "check: 'true'", "id: restart", "goes with effect check_then_act"),
    ("attempts: 2", "attempts: 0", "attempts", "has to be 1 or more"),
    ("handrail/v1", "handrail/v2", "apiVersion", "'handrail/v1'"),
    ("name: restart-service", "name: Restart It", "name: R", "has to match"),
    ("uses: prometheus", "uses: grafana", "{uses: grafana", "uses is one of"),
    ("uses: prometheus, ", "", "{query", "the field uses is missing"),
    ("strip_port: true", "default: 9100", "default", "put it in quotes"),
    ("from: labels.instance", "from: instance", "from: instance", "has to match"),
    ("from: labels.instance, ", "", "host:", "say `from`"),
    ("required: true", "required: true, default: a", "service:", "it is never missing"),
    ("description: The", "describtion: The", "apiVersion", "description: is missing"),
    ("id: restart", "id: Restart", "id: Restart", "has to match"),
]

RULES = [
    ("id: restart\n", "id: look\n", "id: look\n", "there is a step look already"),
    ("needs: [look]", "needs: [lok]", "lok]", "there is no step lok to need"),
    ("needs: [look]", "needs: [restart]", "needs: [restart]", "restart needs restart"),
    ("{id: look,", "{id: look, needs: [restart],", "needs: [restart]", "steps need each other"),
    (WHEN, "steps.look.exit_code !=", "'\n    uses", "it ends too early"),
    (WHEN, "step.look.exit_code != 0", "step.look", "step is not known here"),
    (WHEN, 'steps["luk"].exit_code != 0', 'steps["luk"]', "there is no step luk"),
    (WHEN, "steps.look.exitcode != 0", "exitcode", "a step has no exitcode"),
    (WHEN, "1 == 1 && params.hst == 1", "params.hst", "no parameter hst"),
    (WHEN, "sizeof(steps) > 0", "sizeof", "there is no function sizeof"),
    ('labels.job != ""', 'lables.job != ""', "lables", "lables is not known here: there are"),
    ('labels.job != ""', "steps.look", "steps.look", "steps is not known here"),
    ("^[a-z0-9-]+$", "[a-z", "pattern", "the pattern of service cannot be used"),
    ("strip_port: true", "default: '-', pattern: '[a-z]+'", "default", "the default '-' is not"),
    (RUN, "systemctl restart {{ servce }}", "servce", "servce is no parameter"),
    (RUN, "echo '{{ service }}'", "{{ service }}'\"", "in single quotes"),
    (RUN, "{{ host }} x", "{{ host }} x", "names the program"),
    ("systemctl stop {{ service }}", "eval {{ host }}", '{{ host }}"}', "eval reads code"),
    (
        'up{job="{{ service }}"} == 1',
        "up{job={{ service }}}",
        "{{ service }}}",
        "outside of quotes",
    ),
    ("  host:  ", "  labels:", "labels:  ", "is the alert's own"),
]


@pytest.mark.parametrize(("old", "new", "at", "reason"), SHAPES + RULES)
def test_a_mistake_is_told_at_its_place(old, new, at, reason):
    text = WHOLE.replace(old, new, 1)
    found = [where for where, message in problems(text) if reason in message]
    assert place(text, at) in found, problems(text)


def test_the_whole_runbook_has_no_mistake():
    assert runbook().name == "restart-service"


def test_every_mistake_is_told_at_once_in_the_order_of_the_file():
    text = WHOLE.replace("restart {{ service }}", "restart {{ a }}")
    text = text.replace("stop {{ service }}", "stop {{ b }}")
    assert [where for where, _ in problems(text)] == [place(text, "a }}"), place(text, "b }}")]


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("a: [1,\nb: 2", 2, 5, "expected"),
        ("a: 1\n  b: 2", 2, 4, "mapping values are not allowed here"),
        ("a: 1\na: 2", 2, 1, "duplicate key"),
        ("\ta: 1", 1, 1, "cannot start any token"),
        ("- just\n- a list", 1, 1, "a mapping of names to values is expected"),
        ("", 1, 1, "a mapping of names to values is expected"),
    ],
)
def test_what_is_no_yaml_is_told_with_line_and_column(text, line, column, reason):
    with pytest.raises(SourceError) as refused:
        parse_runbook(text, file="x.yaml")
    (problem, *_) = refused.value.problems
    assert (problem.line, problem.column) == (line, column)
    assert reason in problem.message


@pytest.mark.parametrize(
    "written",
    [
        "run: \"echo '{{ x }}'\"",
        "run: echo '{{ x }}'",
        "run: 'echo ''{{ x }}'''",
        'run: "a \\" \\x41 \\" \'{{ x }}\'"',
        "run: |\n      true\n\n      echo '{{ x }}'",
        "run: |\n      true\n        echo '{{ x }}'",
    ],
)
def test_the_place_is_right_however_the_text_is_written(written):
    text = WHOLE.replace(f'run: "{RUN}"', written)
    assert place(text, "{{ x }}") in [where for where, _ in problems(text)]


def test_in_folded_text_the_place_is_where_the_text_begins():
    text = WHOLE.replace(f'run: "{RUN}"', "run: >-\n      true\n      echo '{{ host }}'")
    assert [where for where, _ in problems(text)] == [place(text, ">-")]
