"""Which groups an alert's ticket may belong to, by the rules of ``handrail.yaml``."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import cel

from services.ingest.cut import cut
from services.ingest.ruling import Membership
from shared.alertwords import asked, said_by
from shared.config.correlation import SERVICE_LABELS, CorrelationRule
from shared.events import Alert

_KEY_DIGITS: Final = 32
# Reasons are read on a phone.
_VALUE_MOST: Final = 100


class Correlating:
    """The rules of correlation, in their order; asks nothing and nobody."""

    def __init__(self, rules: Sequence[CorrelationRule] = ()) -> None:
        self._rules = {rule.name: rule for rule in rules}

    def memberships(self, alert: Alert) -> tuple[Membership, ...]:
        """The groups that the ticket of a firing alert may belong to, in the order of the rules."""
        found = (_membership(rule, alert) for rule in self._rules.values())
        return tuple(one for one in found if one is not None)

    def rule(self, name: str) -> CorrelationRule | None:
        """The rule of that name, if there still is one."""
        return self._rules.get(name)


def in_common(rule: CorrelationRule, alert: Alert) -> str:
    """What the tickets of a group have in common, for people: ``labels.node = n7``."""
    values = _values(rule, alert)
    return ", ".join(
        f"{text} = {cut(value, _VALUE_MOST)}"
        for text, value in zip(rule.by, values, strict=True)
        if value
    )


def service_of(alert: Alert) -> str:
    """The service that an alert is about; empty where no label names it."""
    named = (alert.labels.get(name, "") for name in SERVICE_LABELS)
    return next(filter(None, named), "")


def _membership(rule: CorrelationRule, alert: Alert) -> Membership | None:
    """The group by one rule; None where the rule is not about the alert."""
    if rule.when is not None and not asked(rule.when, alert).holds:
        return None
    values = _values(rule, alert)
    if not all(values):
        return None
    parts = tuple(at for at, one in enumerate(rule.of) if asked(one, alert).holds)
    if rule.of and not parts:
        return None
    return Membership(rule.name, _key(rule, values), parts)


def _key(rule: CorrelationRule, values: Sequence[str]) -> str:
    # With the conditions: their positions mean something else when the rule has others.
    said = json.dumps([rule.name, rule.by, rule.of, values], separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()[:_KEY_DIGITS]


def _values(rule: CorrelationRule, alert: Alert) -> list[str]:
    seen = {**said_by(alert), "service": service_of(alert)}
    return [_said(text, seen) for text in rule.by]


def _said(text: str, seen: Mapping[str, Any]) -> str:
    """What a CEL text says of the alert; empty where it cannot be worked out."""
    try:
        value = _program(text).execute(dict(seen))
    except (LookupError, RuntimeError, TypeError, ValueError, ArithmeticError):
        return ""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, default=str)


@lru_cache(maxsize=1024)
def _program(text: str) -> cel.Program:
    return cel.compile(text)
