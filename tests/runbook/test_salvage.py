"""Files with any mistake at all: each is told, none is a crash, and none hides all the others."""

import random
from copy import deepcopy
from io import StringIO

import pytest
from ruamel.yaml import YAML

from shared.runbook import parse_runbook
from shared.yamlsource import SourceError
from tests.runbook.library import CLEAN, MANY
from tests.runbook.runbooks import WHOLE

STRANGE = [None, 3, -1, True, "x", "", "{{ a", "{{ steps.x }}", [], {}, [1], {"a": 1}, [[None]]]


def problems(text):
    """What is wrong with a runbook; nothing may be raised but that."""
    try:
        parse_runbook(text, file="any.yaml")
    except SourceError as error:
        return error.problems
    return ()


def places(node, path=()):
    """Every place in a document."""
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from places(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from places(value, (*path, index))


def spoilt(data, path, chance):
    """The document with something else at one place, without it, or with more in it."""
    node = data
    for part in path[:-1]:
        node = node[part]
    match chance.randrange(4):
        case 0:
            del node[path[-1]]
        case 1 if isinstance(node, dict):
            node[chance.choice(["more", "run", "when", "foreach", "outputs"])] = "x"
        case _:
            node[path[-1]] = deepcopy(chance.choice(STRANGE))


@pytest.mark.parametrize("text", [WHOLE, CLEAN, MANY])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_stands_in_a_file_is_read_or_refused(text, seed):
    chance = random.Random(seed)
    yaml = YAML(typ="safe")
    for _ in range(30):
        data = yaml.load(text)
        for _ in range(chance.randint(1, 3)):
            spoilt(data, chance.choice([place for place in places(data) if place]), chance)
        written = StringIO()
        YAML().dump(data, written)
        lines = written.getvalue().count("\n") + 1
        told = problems(written.getvalue())
        assert all(1 <= problem.line <= lines for problem in told)


@pytest.mark.parametrize(
    ("shape", "broken"),
    [
        ("timeout: 2m", "timeout: soon"),
        ("risk: high", "risk: huge"),
        ("attempts: 2", "attempts: many"),
        ("strip_port: true", "strip_port: perhaps"),
        ("apiVersion: handrail/v1", "apiVersion: v0"),
        ("hold: 30s", "hold: 30m"),
        ("from: labels.instance", "from: instance"),
        ("effect: idempotent", "effect: check_then_act"),
    ],
)
def test_a_mistake_of_shape_anywhere_does_not_hide_one_of_meaning(shape, broken):
    text = WHOLE.replace(shape, broken, 1).replace("stop {{ service }}", "stop '{{ service }}'")
    messages = [problem.message for problem in problems(text)]
    assert any("single quotes" in message for message in messages), messages
    assert len(messages) == 2, messages


@pytest.mark.parametrize("missing", ["action: POST\n    ", "interpreter: python3\n    "])
def test_what_is_missing_of_a_way_to_act_does_not_hide_other_mistakes(missing):
    assert missing in MANY
    text = MANY.replace(missing, "", 1).replace("WHERE id = {{ item }}", "WHERE id = '{{ item }}'")
    messages = [problem.message for problem in problems(text)]
    assert any("is missing" in message for message in messages), messages
    assert any("stands in quotes" in message for message in messages), messages
    assert len(messages) == 2, messages
