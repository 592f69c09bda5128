"""Runbooks of which a person chooses one: what each would do, and what hinders it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from shared.events import FoundBy, Option, OptionStep, PlanReady, Step
from shared.lifecycle import Risk
from shared.runbook import Candidate

_RISKS: Final = tuple(Risk)


@dataclass(frozen=True)
class Tried:
    """A runbook that comes into question: its plan, or everything that hinders it."""

    candidate: Candidate
    plan: PlanReady | None = None
    hinders: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.candidate.runbook.name

    @property
    def obstacles(self) -> list[str]:
        """What hinders it, with its name."""
        return [f"{self.name}: {one}" for one in self.hinders]

    def hindered(self, why: str) -> "Tried":
        """The same without its plan."""
        return replace(self, plan=None, hinders=(*self.hinders, why))

    def option(self) -> Option:
        """What a person is shown of it."""
        steps = self.plan.steps if self.plan else ()
        return Option(
            runbook=self.candidate.runbook.ref,
            why=self.candidate.reasons,
            risk=_worst(steps),
            steps=tuple(OptionStep.of(step) for step in steps if not step.is_group),
            hinders=self.hinders,
        )


@dataclass(frozen=True)
class Undecided:
    """Several runbooks, none clearly the best; ``because`` says it in words."""

    because: str
    found_by: FoundBy
    tried: tuple[Tried, ...]


def _worst(steps: Iterable[Step]) -> Risk | None:
    return max((step.risk for step in steps), key=_RISKS.index, default=None)
