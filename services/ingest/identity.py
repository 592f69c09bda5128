"""Which alerts are one problem, where ``handrail.yaml`` says so and not their source."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import cel

from services.ingest.sources.alertmanager import NOT_IDENTITY
from services.ingest.ticket import fingerprint, variant
from shared.config import Config
from shared.config.identity import IdentityRule
from shared.events import Alert
from shared.runbook.conditions import answer

_PART_DIGITS: Final = 16
_NOTHING: Final = cel.Context()


@dataclass(frozen=True)
class Identified:
    """An alert with the identity of its problem, and why it is that where a rule was asked.

    ``by`` is what tells its problem from others, for people; empty where the source decides.
    ``rule`` is the rule that was asked, also where it found nothing.
    """

    alert: Alert
    because: str = ""
    by: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True)
class Identity:
    """The rules of each source; asks nothing and nobody."""

    rules: Mapping[str, Sequence[IdentityRule]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> "Identity":
        """The rules of ``handrail.yaml``."""
        sources = config.sources.items()
        return cls({name: source.fingerprint for name, source in sources if source.fingerprint})

    def identified(self, alert: Alert) -> Identified:
        """The alert as its source's rules tell it from others; see the function of this name."""
        rules = self.rules.get(alert.source)
        return identified(rules, alert) if rules else Identified(alert)


def identified(rules: Sequence[IdentityRule], alert: Alert) -> Identified:
    """An alert, fresh from its source, under the fingerprint that the first fitting rule gives.

    Several problems of the source may become one, which is gone when each of them is: its variants
    are the source's own fingerprints and variants. A condition that cannot be worked out does not
    hold. Where nothing is there of what a rule goes by, the source's own fingerprint stays: else
    all such alerts would be one problem.
    """
    seen = _lasting(alert) if any(rule.when or rule.by for rule in rules) else _NOTHING
    for number, rule in enumerate(rules, 1):
        if rule.when is not None and not answer(rule.when, seen).holds:
            continue
        told_by, found = _found(rule, alert, seen)
        which = f"rule {number} of sources.{alert.source}.fingerprint"
        if not found:
            because = f"the source's own fingerprint, as {which} found no {told_by}"
            return Identified(alert, because, rule=which)
        name = "" if rule.by else alert.name
        changed = {
            "fingerprint": fingerprint(alert.source, name, found),
            "variant": _part(alert),
        }
        by = found if rule.by else {"name": alert.name, **found}
        return Identified(
            alert.model_copy(update=changed), f"by {which}: {', '.join(sorted(by))}", by, which
        )
    return Identified(alert)


def _lasting(alert: Alert) -> cel.Context:
    return cel.Context(
        {
            "name": alert.name,
            "source": alert.source,
            "resource": alert.resource,
            "labels": alert.labels,
        }
    )


def _found(rule: IdentityRule, alert: Alert, seen: cel.Context) -> tuple[str, dict[str, str]]:
    """What a rule goes by, in words, and what the alert has of it; empty texts are nothing."""
    labels = alert.labels
    if rule.labels:
        named = {name: labels.get(name, "") for name in rule.labels}
        return f"label {' or '.join(rule.labels)}", _some(named)
    if rule.by:
        said = {text: _said(text, seen) for text in rule.by}
        return f"value of {' or '.join(rule.by)}", _some(said)
    left_out = NOT_IDENTITY.union(rule.without or ())
    others = {name: text for name, text in labels.items() if name not in left_out}
    return f"label besides {' and '.join(rule.without or ())}", _some(others)


def _some(found: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in found.items() if text}


def _said(text: str, seen: cel.Context) -> str:
    """What a CEL text says of the alert; empty where it cannot be worked out."""
    try:
        value = _program(text).execute(seen)
    except (LookupError, RuntimeError, TypeError, ValueError, ArithmeticError):
        return ""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, default=str)


def _part(alert: Alert) -> str:
    """Which part of the problem the alert is."""
    own = f"{alert.fingerprint} {variant(alert)}"
    return hashlib.sha256(own.encode()).hexdigest()[:_PART_DIGITS]


@lru_cache(maxsize=8192)
def _program(text: str) -> cel.Program:
    return cel.compile(text)
