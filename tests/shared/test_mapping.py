"""The description of a source, and its mistakes."""

import pytest

from shared.config import load_config
from shared.yamlsource import SourceError

START = "sources:\n  shop:\n    kind: generic\n    bearer: {env: SHOP}\n    map:\n"


@pytest.fixture
def load(tmp_path):
    """A source's description out of its text."""

    def from_text(text):
        path = tmp_path / "handrail.yaml"
        path.write_text(text)
        return load_config(path).sources["shop"].map

    return from_text


def test_an_expression_is_a_text_or_says_that_it_is_cel(load):
    mapping = load(
        START + '      title: a."b-c"\n      fingerprint: [host, {cel: "headers[\'x-env\']"}]\n'
    )
    assert mapping.title.jmespath == 'a."b-c"'
    assert [one.cel for one in mapping.fingerprint] == [None, "headers['x-env']"]
    assert mapping.resolved == ("resolved", "ok", "closed", "recovered", "up")


def test_words_may_be_numbers_and_are_compared_in_any_case(load):
    mapping = load(
        START + "      title: t\n      fingerprint: [h]\n      severity: s\n"
        "      severities: {1: P1, High: P2}\n      status: ok\n      resolved: [true, Gone]\n"
    )
    assert mapping.severities == {"1": "P1", "high": "P2"}
    assert mapping.resolved == ("true", "gone")


BOTH = "      title: t\n      fingerprint: [h]\n"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("      title: t\n", "5:5", "map.fingerprint: is missing"),
        ("      title: t\n      fingerprint: []\n", "7:7", "must not be empty"),
        ("      fingerprint: [h]\n", "5:5", "name or title is needed"),
        (BOTH + "      titel: t\n", "8:7", "did you mean title?"),
        (BOTH + "      name: a[?b\n", "8:7", "is no JMESPath expression"),
        (BOTH + "      name: frob(a)\n", "8:7", "there is no function frob in JMESPath"),
        (BOTH + "      name: a[].length()\n", "8:7", "length() takes 1 arguments, and 0 are given"),
        (BOTH + "      name: merge()\n", "8:7", "merge() takes 1 arguments"),
        (BOTH + '      name: ""\n', "8:7", "cannot be empty"),
        (BOTH + "      name: {cel: 'body.('}\n", "8:7", "at character 6: is no CEL expression"),
        (BOTH + "      name: {cel: payload.a}\n", "8:7", "at character 1: payload is not known"),
        (BOTH + "      name: {cel: frob(body)}\n", "8:7", "there is no function frob"),
        (BOTH + "      name: {sel: body.a}\n", "8:14", "did you mean cel?"),
        (BOTH + "      name: {cel: a, jmespath: a}\n", "8:7", "an expression is"),
        (BOTH + "      name: {cel: \"headers['X-Env']\"}\n", "8:7", "in lower case: x-env"),
        (BOTH + "      name: 5\n", "8:7", "an expression is a JMESPath in quotes"),
        (BOTH + "      labels: {a: b, c: 'd['}\n", "8:22", "labels.c: is no JMESPath"),
        ("      title: t\n      fingerprint: [a, 'b[']\n", "7:24", "is no JMESPath expression"),
        (BOTH + "      alerts: {cel: item.a}\n", "8:7", "item is not known here"),
        (BOTH + "      severities: {a: P9}\n", "8:20", "P1"),
        (BOTH + "      severities: {a: P1}\n", "5:5", "severity where they are"),
        (
            BOTH + "      severity: s\n      severities: {a: P1, A: P2}\n",
            "9:7",
            "a word is there twice",
        ),
        (BOTH + "      resolved: [done]\n", "5:5", "status where they are"),
    ],
)
def test_a_mistake_is_told_with_its_place(load, text, place, reason):
    with pytest.raises(SourceError) as error:
        load(START + text)
    (problem,) = error.value.problems
    assert f"{problem.line}:{problem.column}" == place, problem
    assert reason in problem.message


@pytest.mark.parametrize(
    "source",
    [
        "{kind: generic, bearer: {env: A}}",
        "{bearer: {env: A}, map: {title: t, fingerprint: [h]}}",
        "{kind: grafana, bearer: {env: A}, map: {title: t, fingerprint: [h]}}",
    ],
)
def test_a_map_and_the_kind_generic_belong_together(load, source):
    with pytest.raises(SourceError, match="`kind: generic` needs a `map`"):
        load(f"sources:\n  shop: {source}\n")
