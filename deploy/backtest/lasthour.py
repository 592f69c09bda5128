"""The plans of the last hour, which caps of the policy count."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.events import PlanReady
from shared.lifecycle import Effect
from shared.policy.records.record import LastHour

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class _Planned:
    at: datetime
    runbook: str
    changes: tuple[str, ...]


class Recent:
    """Plans that were made; older ones than an hour are forgotten."""

    def __init__(self) -> None:
        self._plans: deque[_Planned] = deque()

    def add(self, plan: PlanReady, at: datetime) -> None:
        changes = (step.target for step in plan.steps if step.effect is not Effect.READ_ONLY)
        self._plans.append(_Planned(at, plan.runbook.name, tuple(changes)))

    def before(self, now: datetime) -> LastHour:
        """How many changes and runs there were in the hour before; what is older is forgotten."""
        while self._plans and self._plans[0].at < now - _HOUR:
            self._plans.popleft()
        on_target = Counter(target for plan in self._plans for target in plan.changes)
        return LastHour(on_target, Counter(plan.runbook for plan in self._plans))
