"""What would become of a ticket, and of an alert."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.ingest.ticket import Decision
from shared.events import Alert, ApprovalRule, PlanReady, Step
from shared.lifecycle import Risk
from shared.policy.ruling import Ruling

_DIGITS: Final = 16


class Result(StrEnum):
    """What a ticket that was opened or reopened comes to, each time.

    ``runs`` asks nobody; the next two ask so many people for at least one step. Of ``denied``,
    ``suggested`` and ``observed`` the policy keeps the plan from running. ``unfilled`` is a runbook
    that is for the alert and cannot be used, ``nothing_fits`` that there is none. ``undecided`` are
    several, of which a person is asked to choose one.
    """

    RUNS = "runs"
    ASKS_1 = "asks_1"
    ASKS_2 = "asks_2"
    DENIED = "denied"
    SUGGESTED = "suggested"
    OBSERVED = "observed"
    UNFILLED = "unfilled"
    NOTHING_FITS = "nothing_fits"
    UNDECIDED = "undecided"
    FLAPPING = "flapping"
    CLOSED_AS_FALSE = "closed_as_false"
    GROUPED = "grouped"


#: A plan was made that runs, at once or when people agree.
PLANNED: Final = frozenset({Result.RUNS, Result.ASKS_1, Result.ASKS_2})
#: A runbook was found and filled, whatever the policy says of it.
MATCHED: Final = PLANNED | {Result.DENIED, Result.SUGGESTED, Result.OBSERVED}
#: A person is called since Handrail knows no way.
ESCALATED: Final = frozenset({Result.UNFILLED, Result.NOTHING_FITS, Result.FLAPPING})


@dataclass(frozen=True)
class Ruled:
    """One step of a plan and who decided about it: a rule of the policy, or what stands for one."""

    risk: Risk
    rule: str
    required: int


@dataclass(frozen=True)
class Outcome:
    """What a ticket comes to; ``plan`` is the same for the same commands on the same targets.

    ``rule`` is that of correlation which grouped it.
    """

    alert: Alert
    result: Result
    because: str
    runbook: str = ""
    steps: tuple[Ruled, ...] = ()
    plan: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Fate:
    """What became of one alert; ``outcome`` is there where its ticket came to something by it."""

    alert: Alert
    decision: Decision | None
    because: str
    outcome: Outcome | None = None

    @property
    def ends(self) -> Result | Decision | None:
        """What it comes to in one word."""
        return self.outcome.result if self.outcome is not None else self.decision

    @property
    def why(self) -> str:
        return self.outcome.because if self.outcome is not None else self.because


def ruled(plan: PlanReady, rulings: Sequence[Ruling]) -> tuple[Ruled, ...]:
    """The steps of a plan that run something, as the policy ruled about them."""
    pairs = zip(plan.steps, rulings, strict=True)
    return tuple(
        Ruled(step.risk, ruling.rule, step.approval.required)
        for step, ruling in pairs
        if not step.is_group
    )


def asking(plan: PlanReady) -> tuple[Result, str]:
    """Whether a plan asks, and because of which step."""
    # Of several the first: that is what people are asked for first.
    step = max(plan.steps, key=lambda one: one.approval.required)
    results = (Result.RUNS, Result.ASKS_1, Result.ASKS_2)
    return results[step.approval.required], _said(step, step.approval)


def _said(step: Step, approval: ApprovalRule) -> str:
    return f"{step.id}: {approval.reason}"


def digest(steps: Sequence[Step]) -> str:
    """Tells plans from each other that do not run the same commands on the same targets."""
    said = [[step.uses, step.target, step.run, step.check, step.rollback] for step in steps]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:_DIGITS]
