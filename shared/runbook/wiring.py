"""How the steps of a runbook depend on each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from shared.events import Join
from shared.runbook.celtypes import is_never
from shared.runbook.node import StepNode


@dataclass(frozen=True)
class Wiring:
    """The steps by their ids; what is needed and not there is left out."""

    steps: Mapping[str, StepNode]
    _certain: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, steps: Sequence[StepNode]) -> "Wiring":
        return cls({step.id: step for step in steps})

    def needs(self, step_id: str) -> tuple[str, ...]:
        return tuple(need for need in self.steps[step_id].needs if need in self.steps)

    def leading(self, step_id: str) -> tuple[str, ...]:
        """The steps whose failure leads to one."""
        return tuple(step.id for step in self.steps.values() if step.goto == step_id)

    def after(self, step_id: str) -> tuple[str, ...]:
        """What has to end before a step can begin, by its needs or because its failure leads on."""
        return (*self.needs(step_id), *self.leading(step_id))

    def circle(self) -> list[str]:
        """Steps that need each other, each the next one; empty where there are none."""
        try:
            TopologicalSorter({step: self.after(step) for step in self.steps}).prepare()
        except CycleError as error:
            return list(reversed(error.args[1]))
        return []

    def before(self, step_id: str) -> set[str]:
        """The steps that may have run when this one begins."""
        found: set[str] = set()
        ahead = list(self.after(step_id))
        while ahead:
            step = ahead.pop()
            if step not in found:
                found.add(step)
                ahead += self.after(step)
        return found

    def certain(self, step_id: str) -> frozenset[str]:
        """The steps that have ended when this one begins; with ``first``, those that all need."""
        if step_id not in self._certain:
            # Against circles, which are told elsewhere.
            self._certain[step_id] = frozenset()
            each = [frozenset({need}) | self.certain(need) for need in self.needs(step_id)]
            first = self.steps[step_id].join is Join.FIRST
            together = frozenset.intersection if first else frozenset.union
            led = [frozenset({lead}) | self.certain(lead) for lead in self.leading(step_id)]
            needed = together(*each) if each else frozenset()
            self._certain[step_id] = needed | (frozenset.intersection(*led) if led else needed)
        return self._certain[step_id]

    def never(self, step_id: str) -> str:
        """Why a step never runs, where that can be told; else empty."""
        step = self.steps[step_id]
        if step.when is not None and is_never(step.when):
            return "its condition is always false"
        needs = self.needs(step_id)
        first = step.join is Join.FIRST and needs and not self.circle()
        if first and all(self.never(need) for need in needs):
            return "none of those that it needs ever runs"
        return ""
