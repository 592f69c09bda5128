"""Values found in what a step wrote to its standard output."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError

from shared.events import OutputRule, ValueType
from shared.runbook.quoting import ValueRefusedError, checked
from shared.runbook.values import Value, WrongTypeError, typed

#: So much of an output is looked through; it is what connectors keep at most, and more.
LOOKED_THROUGH: Final = 1_000_000


def extracted(rules: Mapping[str, OutputRule], stdout: str) -> dict[str, Value]:
    """What the rules find; what is not there, or not what the rule says, is left out."""
    text = stdout[:LOOKED_THROUGH]
    found = ((name, _one(rule, text)) for name, rule in rules.items())
    return {name: value for name, value in found if value is not None}


def _one(rule: OutputRule, text: str) -> Value | None:
    raw = _by_regex(rule, text) if rule.regex is not None else _by_path(rule.json_path or "", text)
    if raw is None:
        return None
    try:
        value = typed(raw, rule.type, separator="\n")
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                checked(item)
                if rule.pattern is not None and not re.fullmatch(rule.pattern, item):
                    return None
    except (WrongTypeError, ValueRefusedError):
        return None
    return value


def _by_regex(rule: OutputRule, text: str) -> str | list[str] | None:
    pattern = re.compile(rule.regex or "", re.MULTILINE)
    if rule.type is ValueType.LIST:
        return [_group(found) for found in pattern.finditer(text)]
    met = pattern.search(text)
    return None if met is None else _group(met)


def _group(found: re.Match[str]) -> str:
    return (found[1] if found.re.groups else found[0]) or ""


def _by_path(path: str, text: str) -> Any:
    try:
        return jmespath.search(path, json.loads(text))
    except (ValueError, RecursionError, JMESPathError):
        return None
