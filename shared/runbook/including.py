"""Runbooks that are parts of other runbooks: found, checked against each other, put together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from shared.runbook.runbook import Parsed, Runbook
from shared.runbook.spots import Place
from shared.runbook.steps import IncludeTemplate
from shared.runbook.template import cut
from shared.runbook.values import WrongTypeError, typed
from shared.yamlsource import Problem

#: Runbooks inside each other, deeper than anybody can follow at night.
DEEPEST: Final = 5


@dataclass
class Joined:
    """The runbooks of a library by their names, each with those that it includes."""

    parsed: Mapping[str, Parsed]
    problems: list[Problem] = field(default_factory=list)
    _done: dict[str, Runbook | None] = field(default_factory=dict)

    def runbook(self, name: str, path: tuple[str, ...] = ()) -> Runbook | None:
        """A runbook whose includes are right; None for one with mistakes, which are noted."""
        if name in self._done:
            return self._done[name]
        here = self.parsed[name]
        included: dict[str, Runbook] = {}
        wrong: list[Problem] = []
        for index, step in enumerate(here.runbook.content.steps):
            if isinstance(step, IncludeTemplate):
                place: Place = ("steps", index)
                other = self._other(here, step, place, (*path, name), wrong)
                if other is not None:
                    included[step.runbook] = other
                    wrong += self._given(here, step, other, place)
        self.problems += wrong
        made = None if wrong else replace(here.runbook, included=included)
        self._done[name] = made
        return made

    def _other(
        self,
        here: Parsed,
        step: IncludeTemplate,
        place: Place,
        path: tuple[str, ...],
        wrong: list[Problem],
    ) -> Runbook | None:
        at: Place = (*place, "runbook")
        name = step.runbook
        if name in path:
            circle = " includes ".join((*path[path.index(name) :], name))
            wrong.append(here.source.problem(at, f"runbooks include each other: {circle}"))
        elif name not in self.parsed:
            known = ", ".join(sorted(set(self.parsed) - {path[-1]})) or "none"
            message = f"there is no runbook {name} without mistakes (there are: {known})"
            wrong.append(here.source.problem(at, message))
        elif len(path) >= DEEPEST:
            message = f"more than {DEEPEST} runbooks would be inside each other"
            wrong.append(here.source.problem(at, message))
        else:
            found = self.runbook(name, path)
            if found is None:
                wrong.append(here.source.problem(at, f"the runbook {name} has mistakes itself"))
            return found
        return None

    def _given(
        self, here: Parsed, step: IncludeTemplate, other: Runbook, place: Place
    ) -> Iterator[Problem]:
        params = other.content.params
        for name, given in step.given.items():
            at: Place = (*place, "with", name)
            param = params.get(name)
            if param is None:
                known = ", ".join(params) or "none"
                message = f"the runbook {other.name} has no parameter {name} (it has: {known})"
                yield here.source.problem(at, message)
            elif not (isinstance(given, str) and cut(given).placeholders) and given is not None:
                try:
                    value = typed(given, param.type, separator=param.separator)
                    wrong = param.wrong_with(value)
                except WrongTypeError as error:
                    wrong = str(error)
                if wrong and not _has_templates(given):
                    yield here.source.problem(at, f"{given!r} {wrong}")


def _has_templates(given: object) -> bool:
    if isinstance(given, list):
        return any(_has_templates(item) for item in given)
    return isinstance(given, str) and bool(cut(given).placeholders)
