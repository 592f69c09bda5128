"""What is found in the output of steps."""

import pytest

from shared.events import OutputRule
from shared.runbook.outputs import extracted

TEXT = "leader=web-1\nhost: a\nhost: b\npid 42\nload 0.5\nready: yes\nempty=\n"
JSON = '{"hosts": [{"name": "a"}, {"name": "b"}], "n": 3, "up": true, "x": null, "m": {"k": "v"}}'


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        ({"regex": "leader=(\\S+)"}, TEXT, "web-1"),
        ({"regex": "leader=\\S+"}, TEXT, "leader=web-1"),
        ({"regex": "^pid (\\d+)$", "type": "integer"}, TEXT, 42),
        ({"regex": "load (.*)", "type": "number"}, TEXT, 0.5),
        ({"regex": "ready: (.*)", "type": "boolean"}, TEXT, True),
        ({"regex": "^host: (.*)$", "type": "list"}, TEXT, ["a", "b"]),
        ({"regex": "^nobody: (.*)$", "type": "list"}, TEXT, []),
        ({"regex": "nobody"}, TEXT, None),
        ({"regex": "leader=(\\S+)", "type": "integer"}, TEXT, None),
        ({"regex": "leader=(\\S+)", "pattern": "web-[0-9]"}, TEXT, "web-1"),
        ({"regex": "leader=(\\S+)", "pattern": "db-[0-9]"}, TEXT, None),
        ({"regex": "^host: (.*)$", "type": "list", "pattern": "a"}, TEXT, None),
        ({"regex": "(?s)leader.*pid"}, TEXT, None),
        ({"json": "n", "type": "integer"}, JSON, 3),
        ({"json": "hosts[0].name"}, JSON, "a"),
        ({"json": "hosts[].name", "type": "list"}, JSON, ["a", "b"]),
        ({"json": "up", "type": "boolean"}, JSON, True),
        ({"json": "m.k"}, JSON, "v"),
        ({"json": "m"}, JSON, None),
        ({"json": "x"}, JSON, None),
        ({"json": "absent"}, JSON, None),
        ({"json": "n"}, "no json", None),
        ({"json": "n"}, "[" * 100_000, None),
        ({"regex": "(.*)"}, "\x1b[2Jgone", None),
        ({"regex": "a(b)?"}, "a", ""),
    ],
)
def test_a_rule_finds_its_value_or_nothing(rule, text, value):
    assert extracted({"it": OutputRule.model_validate(rule)}, text).get("it") == value
