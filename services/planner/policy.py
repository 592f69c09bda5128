"""Who has to say yes to a step, by its risk."""

from datetime import timedelta
from typing import Final

from shared.events import ApprovalRule
from shared.lifecycle import Risk

_RULES: Final[dict[Risk, tuple[int, str]]] = {
    Risk.LOW: (0, "low risk: it runs without asking"),
    Risk.MEDIUM: (1, "medium risk: one person has to agree"),
    Risk.HIGH: (1, "high risk: one person has to agree"),
    Risk.CRITICAL: (2, "critical risk: two different people have to agree"),
}


def approval(risk: Risk, *, expires_after: timedelta) -> ApprovalRule:
    """The rule where nobody made another one; without an answer in time the step does not run."""
    required, reason = _RULES[risk]
    return ApprovalRule(required=required, expires_after=expires_after, reason=reason)
