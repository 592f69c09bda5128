"""Parameters, taken from an alert."""

import pytest

from shared.runbook import UnfilledError, fill
from shared.runbook.filling import without_port
from tests.runbook.runbooks import alert, named, runbook


def with_params(params: str):
    return named("small", "{alerts: [TargetDown]}", params=params)


@pytest.mark.parametrize(
    ("params", "values"),
    [
        ("{a: {from: labels.job}}", {"a": "shop"}),
        ("{a: {from: labels.instance, strip_port: true}}", {"a": "web-1"}),
        ("{a: {from: annotations.url}}", {"a": "http://web-1/"}),
        ("{a: {from: labels.app.kubernetes.io/name}}", {"a": "shop-api"}),
        ("{a: {from: name}}", {"a": "TargetDown"}),
        ("{a: {from: source}}", {"a": "alertmanager"}),
        ("{a: {from: title}}", {"a": "Shop is down"}),
        ("{a: {from: fingerprint}}", {"a": "ab12"}),
        ("{a: {from: labels.none, default: b}}", {"a": "b"}),
        ("{a: {from: labels.empty, default: b}}", {"a": "b"}),
        ("{a: {default: b}}", {"a": "b"}),
        ("{a: {from: labels.none, required: false}}", {}),
        ("{a: {from: labels.dash, pattern: '-.*'}}", {"a": "-rf"}),
    ],
)
def test_a_value_comes_from_where_the_runbook_says(params, values):
    labels = {
        "job": "shop",
        "instance": "web-1:9100",
        "empty": "",
        "dash": "-rf",
        "app.kubernetes.io/name": "shop-api",
    }
    firing = alert(labels=labels, annotations={"url": "http://web-1/"})
    assert fill(with_params(params), firing) == values


@pytest.mark.parametrize(
    ("params", "labels", "reason"),
    [
        ("{a: {from: labels.job}}", {}, "(from labels.job): the alert has no label job"),
        ("{a: {from: annotations.x}}", {}, "(from annotations.x): the alert has no annotation x"),
        ("{a: {from: labels.job}}", {"job": ""}, "the alert has no label job"),
        ("{a: {from: labels.job, pattern: '[a-z]+'}}", {"job": "A;b"}, "'A;b' is not what its"),
        ("{a: {from: labels.job, pattern: '[a-z]+'}}", {"job": "shop x"}, "is not what its"),
        ("{a: {from: labels.job, pattern: '^[a-z]+$'}}", {"job": "shop\n"}, "has a line break"),
        ("{a: {from: labels.job}}", {"job": "a\x00"}, "has a control character (U+0000)"),
        ("{a: {from: labels.job}}", {"job": "-rf"}, "would be read as an option"),
        (
            "{a: {from: labels.job, required: false, pattern: b}}",
            {"job": "c"},
            "is not what its pattern",
        ),
    ],
)
def test_a_value_that_cannot_be_used_says_where_it_should_come_from(params, labels, reason):
    with pytest.raises(UnfilledError) as refused:
        fill(with_params(params), alert(labels=labels))
    assert reason in str(refused.value)


def test_every_parameter_that_is_missing_is_told():
    with pytest.raises(UnfilledError) as refused:
        fill(runbook(), alert(labels={}))
    assert [one.name for one in refused.value.unfilled] == ["service", "host"]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("web-1:9100", "web-1"),
        ("web-1", "web-1"),
        ("10.0.0.1:80", "10.0.0.1"),
        ("[::1]:9100", "::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("web-1:http", "web-1:http"),
    ],
)
def test_the_port_is_stripped_from_what_has_one(address, host):
    assert without_port(address) == host
