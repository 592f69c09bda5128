"""What is checked of a runbook beyond its shape, each mistake at its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import jmespath
from jmespath.exceptions import JMESPathError

from shared.events import OnFailure, ValueType
from shared.lifecycle import Severity, StepState
from shared.runbook import celtypes, conditions
from shared.runbook.calling import Calls
from shared.runbook.celtypes import Known
from shared.runbook.model import RESERVED, RunbookFile
from shared.runbook.parameters import Param
from shared.runbook.spots import Place
from shared.runbook.steps import StepTemplate
from shared.runbook.texts import Texts
from shared.runbook.wiring import Wiring
from shared.yamlsource import Problem, Source

MATCH_VARIABLES: Final = frozenset({"severity", "labels", "annotations", "name", "source"})
#: ``evidence`` is what was gathered, by names that only an installation knows.
STEP_VARIABLES: Final = frozenset({"steps", "params", "evidence"})
#: What a condition can look at of a step that has run.
STEP_FACTS: Final = ("state", "exit_code", "output", "outputs")

_STATES: Final = Known("text", frozenset(StepState))
_KINDS: Final = {
    ValueType.INTEGER: "number",
    ValueType.NUMBER: "number",
    ValueType.BOOLEAN: "bool",
    ValueType.LIST: "list",
}
_SAMPLES: Final = {
    "text": ("a", ""),
    "number": (1, 0),
    "bool": (True, False),
    "list": (["a"], []),
}


def inspected(content: RunbookFile, source: Source) -> tuple[Problem, ...]:
    """Every mistake, in the order of the file."""
    inspection = _Inspection(content, source, Wiring.of(content.steps))
    found = [
        *inspection.params(),
        *inspection.match(),
        *inspection.needs(),
        *inspection.whens(),
        *inspection.outputs(),
        *Calls(content, source).problems(),
        *Texts(content, source, inspection.wiring).problems(),
    ]
    return tuple(sorted(found, key=lambda problem: (problem.line, problem.column)))


@dataclass(frozen=True)
class _Inspection:
    content: RunbookFile
    source: Source
    wiring: Wiring

    def params(self) -> Iterator[Problem]:
        for name, param in self.content.params.items():
            place: Place = ("params", name)
            if name in RESERVED:
                yield self.source.problem(place, f"{name} is the alert's own: take another name")
            yield from self._regex((*place, "pattern"), param.pattern, f"the pattern of {name}")
            yield from self._default(name, param)

    def _default(self, name: str, param: Param) -> Iterator[Problem]:
        if param.default is None:
            return
        try:
            wrong = param.wrong_with(param.default)
        except re.error:
            return
        if wrong:
            wrong = wrong.replace("its pattern allows (", "the pattern ").removesuffix(")")
            allows = " allows" if "the pattern " in wrong else ""
            yield self.source.problem(
                ("params", name, "default"), f"the default {param.default!r} {wrong}{allows}"
            )

    def _regex(self, place: Place, pattern: str | None, said: str) -> Iterator[Problem]:
        try:
            re.compile(pattern or "")
        except (re.error, OverflowError, RecursionError) as error:
            yield self.source.problem(place, f"{said} cannot be used: {error}")

    def match(self) -> Iterator[Problem]:
        text = self.content.match.when
        if text is None:
            return
        place: Place = ("match", "when")
        wrong = list(self._condition(place, text, variables=MATCH_VARIABLES))
        yield from wrong
        if not wrong:
            sample: dict[str, object] = {
                "severity": "P1",
                "name": "a",
                "source": "a",
                **{kind: _named(text, kind) for kind in ("labels", "annotations")},
            }
            yield from self._typed(place, text, [sample], _match_types(text))
            if celtypes.is_never(text):
                yield self.source.problem(place, "it is always false: this is for no alert")

    def _condition(
        self, place: Place, text: str, *, variables: frozenset[str]
    ) -> Iterator[Problem]:
        for mistake in conditions.mistakes(text, variables=variables):
            yield self.source.problem_inside(place, mistake.offset, mistake.message)

    def _typed(
        self, place: Place, text: str, samples: list[dict[str, object]], known: dict[Place, Known]
    ) -> Iterator[Problem]:
        types = {tuple(map(str, path)): fact for path, fact in known.items()}
        for mistake in celtypes.mistyped(text, samples, types):
            yield self.source.problem_inside(place, mistake.offset, mistake.message)

    # -- steps and what they need ----------------------------------------------------------------

    def needs(self) -> Iterator[Problem]:
        ids: set[str] = set()
        for index, step in enumerate(self.content.steps):
            if step.id in ids:
                yield self.source.problem(
                    ("steps", index, "id"), f"there is a step {step.id} already"
                )
            ids.add(step.id)
        for index, step in enumerate(self.content.steps):
            for position, need in enumerate(step.needs):
                if need not in ids:
                    known = ", ".join(sorted(ids - {step.id})) or "none"
                    message = f"there is no step {need} to need; other steps: {known}"
                    yield self.source.problem(("steps", index, "needs", position), message)
        yield from self._gotos(ids)
        yield from self._circle()
        yield from self._never()
        yield from self._rollbacks()

    def _gotos(self, ids: set[str]) -> Iterator[Problem]:
        for index, step in enumerate(self.content.steps):
            place: Place = ("steps", index, "goto")
            if step.goto is None:
                continue
            if step.goto not in ids:
                known = ", ".join(sorted(ids - {step.id})) or "none"
                message = f"there is no step {step.goto} to go to; other steps: {known}"
                yield self.source.problem(place, message)
            elif step.id in self.wiring.steps[step.goto].needs:
                message = f"{step.goto} needs {step.id}, and is to run when that failed: drop one"
                yield self.source.problem(place, message)

    def _circle(self) -> Iterator[Problem]:
        circle = self.wiring.circle()
        if circle:
            index = next(i for i, step in enumerate(self.content.steps) if step.id == circle[0])
            yield self.source.problem(
                ("steps", index, "needs"), f"steps need each other: {' needs '.join(circle)}"
            )

    def _never(self) -> Iterator[Problem]:
        for index, step in enumerate(self.content.steps):
            if why := self.wiring.never(step.id):
                field = "when" if step.when and celtypes.is_never(step.when) else "needs"
                message = f"{step.id} never runs: {why}; take it out, or mend that"
                yield self.source.problem(("steps", index, field), message)

    def _rollbacks(self) -> Iterator[Problem]:
        undone = {
            step.id
            for step in self.content.steps
            if not isinstance(step, StepTemplate) or step.actions().rollback is not None
        }
        for index, step in enumerate(self.content.steps):
            done = {step.id} | self.wiring.before(step.id)
            if step.on_failure is OnFailure.ROLLBACK and not done & undone:
                message = "there is nothing to roll back: neither it nor what it needs says how"
                yield self.source.problem(("steps", index, "on_failure"), message)

    def whens(self) -> Iterator[Problem]:
        for index, step in enumerate(self.content.steps):
            if step.when is None:
                continue
            place: Place = ("steps", index, "when")
            wrong = [
                *self._condition(place, step.when, variables=STEP_VARIABLES),
                *self._about_steps(place, step.id, step.when),
            ]
            for name, offset in conditions.members(step.when, "params"):
                if name not in self.content.params:
                    wrong.append(self.source.problem_inside(place, offset, f"no parameter {name}"))
            yield from wrong or self._typed(place, step.when, self._samples(), self._types())

    def _about_steps(self, place: Place, own: str, text: str) -> Iterator[Problem]:
        for (name, offset), chain in zip(
            conditions.members(text, "steps"), conditions.chains(text, "steps"), strict=False
        ):
            step = self.wiring.steps.get(name)
            if step is None:
                yield self.source.problem_inside(place, offset, f"there is no step {name}")
            elif name not in self.wiring.before(own):
                message = f"{name} has not run by then: add it to `needs` of {own}"
                yield self.source.problem_inside(place, offset, message)
            elif len(chain) > 1 and chain[1][0] not in STEP_FACTS:
                message = f"a step has no {chain[1][0]}: it has {', '.join(STEP_FACTS)}"
                yield self.source.problem_inside(place, chain[1][1], message)
            elif len(chain) > 2 and chain[1][0] == "outputs":  # noqa: PLR2004 id, outputs, name
                yield from self._output(place, name, *chain[2])

    def _output(self, place: Place, step_id: str, name: str, offset: int) -> Iterator[Problem]:
        step = self.wiring.steps[step_id]
        outputs = step.outputs if isinstance(step, StepTemplate) else {}
        if name not in outputs:
            known = ", ".join(outputs) or "none"
            message = f"{step_id} has no output {name} (it has: {known})"
            yield self.source.problem_inside(place, offset, message)

    def outputs(self) -> Iterator[Problem]:
        for index, step in enumerate(self.content.steps):
            for name, rule in step.outputs.items() if isinstance(step, StepTemplate) else ():
                place: Place = ("steps", index, "outputs", name)
                yield from self._regex((*place, "regex"), rule.regex, f"the regex of {name}")
                yield from self._regex((*place, "pattern"), rule.pattern, f"the pattern of {name}")
                try:
                    jmespath.compile(rule.json_path or "a")
                except JMESPathError as error:
                    reason = str(error).splitlines()[0]
                    yield self.source.problem((*place, "json"), f"is no JMESPath: {reason}")

    # -- types -----------------------------------------------------------------------------------

    def _kinds(self) -> dict[str, dict[str, str]]:
        """The types of outputs, by step and name."""
        return {
            step.id: {
                name: "list" if step.foreach else _KINDS.get(rule.type, "text")
                for name, rule in step.outputs.items()
            }
            for step in self.content.steps
            if isinstance(step, StepTemplate)
        }

    def _samples(self) -> list[dict[str, object]]:
        kinds = self._kinds()
        return [
            {
                "steps": {
                    step.id: {
                        "state": state,
                        "exit_code": nth,
                        "output": "text",
                        "outputs": {
                            name: _SAMPLES[kind][nth]
                            for name, kind in kinds.get(step.id, {}).items()
                        },
                    }
                    for step in self.content.steps
                },
                "params": {
                    name: _SAMPLES[_KINDS.get(param.type, "text")][nth]
                    for name, param in self.content.params.items()
                },
                "evidence": {},
            }
            for nth, state in enumerate(("succeeded", "failed"))
        ]

    def _types(self) -> dict[Place, Known]:
        known: dict[Place, Known] = {}
        kinds = self._kinds()
        for step in self.content.steps:
            at: Place = ("steps", step.id)
            known[(*at, "state")] = _STATES
            known[(*at, "exit_code")] = Known("number")
            known[(*at, "output")] = Known("text")
            for name, kind in kinds.get(step.id, {}).items():
                known[(*at, "outputs", name)] = Known(kind)
        for name, param in self.content.params.items():
            kind = _KINDS.get(param.type, "text")
            known["params", name] = Known(kind, frozenset(param.one_of))
        return known


def _named(text: str, variable: str) -> dict[str, str]:
    """Labels as a condition wants them."""
    return {chain[0][0]: "a" for chain in conditions.chains(text, variable) if chain}


def _match_types(text: str) -> dict[Place, Known]:
    known: dict[Place, Known] = {
        (kind, name): Known("text")
        for kind in ("labels", "annotations")
        for name in _named(text, kind)
    }
    known["severity",] = Known("text", frozenset(Severity))
    return known
