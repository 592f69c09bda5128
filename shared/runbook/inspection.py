"""What is checked of a runbook beyond its shape, each mistake at its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from shared.runbook import conditions
from shared.runbook.model import (
    ALERT_NAMES,
    CommandTemplate,
    HttpTemplate,
    Param,
    PrometheusTemplate,
    RunbookFile,
)
from shared.runbook.placing import Kind, prepared
from shared.yamlsource import Problem, Source

MATCH_VARIABLES: Final = frozenset({"severity", "labels", "annotations", "name", "source"})
STEP_VARIABLES: Final = frozenset({"steps", "params"})
#: What a condition can look at of a step that has run.
STEP_FACTS: Final = ("state", "exit_code", "output")

Place = tuple[str | int, ...]


def inspected(content: RunbookFile, source: Source) -> tuple[Problem, ...]:
    """Every mistake, in the order of the file."""
    inspection = _Inspection(content, source)
    found = [
        *inspection.params(),
        *inspection.match(),
        *inspection.needs(),
        *inspection.whens(),
        *inspection.templates(),
    ]
    return tuple(sorted(found, key=lambda problem: (problem.line, problem.column)))


@dataclass(frozen=True)
class _Inspection:
    content: RunbookFile
    source: Source

    def params(self) -> Iterator[Problem]:
        for name, param in self.content.params.items():
            place: Place = ("params", name)
            if name in ALERT_NAMES:
                yield self.source.problem(place, f"{name} is the alert's own: take another name")
            if param.pattern is not None:
                yield from self._pattern(name, param, (*place, "pattern"))

    def _pattern(self, name: str, param: Param, place: Place) -> Iterator[Problem]:
        try:
            pattern = re.compile(param.pattern or "")
        except (re.error, OverflowError, RecursionError) as error:
            yield self.source.problem(place, f"the pattern of {name} cannot be used: {error}")
            return
        if param.default is not None and not pattern.fullmatch(param.default):
            yield self.source.problem(
                ("params", name, "default"),
                f"the default {param.default!r} is not what the pattern {param.pattern} allows",
            )

    def match(self) -> Iterator[Problem]:
        if self.content.match.when is not None:
            yield from self._condition(
                ("match", "when"), self.content.match.when, variables=MATCH_VARIABLES
            )

    def _condition(
        self, place: Place, text: str, *, variables: frozenset[str]
    ) -> Iterator[Problem]:
        for mistake in conditions.mistakes(text, variables=variables):
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
        yield from self._cycle()

    def _cycle(self) -> Iterator[Problem]:
        try:
            TopologicalSorter({step.id: step.needs for step in self.content.steps}).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            index = next(i for i, step in enumerate(self.content.steps) if step.id == circle[0])
            yield self.source.problem(
                ("steps", index, "needs"), f"steps need each other: {' needs '.join(circle)}"
            )

    def _before(self, step_id: str) -> set[str]:
        """The steps that have ended when this one begins."""
        needs = {step.id: step.needs for step in self.content.steps}
        found: set[str] = set()
        ahead = list(needs.get(step_id, ()))
        while ahead:
            step = ahead.pop()
            if step not in found:
                found.add(step)
                ahead += needs.get(step, ())
        return found

    def whens(self) -> Iterator[Problem]:
        for index, step in enumerate(self.content.steps):
            if step.when is None:
                continue
            place: Place = ("steps", index, "when")
            yield from self._condition(place, step.when, variables=STEP_VARIABLES)
            for name, offset in conditions.members(step.when, "steps"):
                if all(name != other.id for other in self.content.steps):
                    message = f"there is no step {name}"
                    yield self.source.problem_inside(place, offset, message)
                elif name not in self._before(step.id):
                    message = f"{name} has not run by then: add it to `needs` of {step.id}"
                    yield self.source.problem_inside(place, offset, message)
            for name, offset in conditions.facts(step.when, "steps"):
                if name not in STEP_FACTS:
                    message = f"a step has no {name}: it has {', '.join(STEP_FACTS)}"
                    yield self.source.problem_inside(place, offset, message)
            for name, offset in conditions.members(step.when, "params"):
                if name not in self.content.params:
                    yield self.source.problem_inside(place, offset, f"no parameter {name}")

    # -- templates -------------------------------------------------------------------------------

    def templates(self) -> Iterator[Problem]:
        for place, text, kind in self._all_templates():
            yield from self._template(place, text, kind)

    def _all_templates(self) -> Iterator[tuple[Place, str, Kind]]:
        for index, step in enumerate(self.content.steps):
            at: Place = ("steps", index)
            yield (*at, "target"), step.target, Kind.NAME
            yield (*at, "run"), step.run, Kind.COMMAND
            if step.title is not None:
                yield (*at, "title"), step.title, Kind.TEXT
            if step.check is not None:
                yield (*at, "check"), step.check, Kind.COMMAND
            if step.rollback is not None:
                yield (*at, "rollback", "run"), step.rollback.run, Kind.COMMAND
        for index, check in enumerate(self.content.verify):
            at = ("verify", index)
            match check:
                case HttpTemplate(url=url, contains=contains):
                    yield (*at, "url"), url, Kind.URL
                    if contains is not None:
                        yield (*at, "contains"), contains, Kind.TEXT
                case CommandTemplate(target=target, run=run):
                    yield (*at, "target"), target, Kind.NAME
                    yield (*at, "run"), run, Kind.COMMAND
                case PrometheusTemplate(query=query):
                    yield (*at, "query"), query, Kind.QUERY

    def _template(self, place: Place, text: str, kind: Kind) -> Iterator[Problem]:
        template = prepared(text, kind)
        for mistake in template.mistakes:
            yield self.source.problem_inside(place, mistake.offset, mistake.message)
        for placeholder in template.cut.placeholders:
            for name, offset in placeholder.names:
                if name not in self.content.params and name not in ALERT_NAMES:
                    message = f"{name} is no parameter of this runbook: declare it under `params`"
                    yield self.source.problem_inside(place, offset, message)
            reason = template.guarded.get(placeholder.offset)
            if reason is not None and not self._has_pattern(placeholder.expression):
                yield self.source.problem_inside(
                    place,
                    placeholder.offset,
                    f"{{{{ {placeholder.expression} }}}} {reason}: "
                    "only a parameter with a `pattern` may stand there",
                )

    def _has_pattern(self, name: str) -> bool:
        param = self.content.params.get(name)
        return param is not None and param.pattern is not None
