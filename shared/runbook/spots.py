"""Where in a runbook templates stand, and what each of them makes."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.runbook.model import (
    CommandTemplate,
    HttpTemplate,
    IncludeTemplate,
    PrometheusTemplate,
    RunbookFile,
    StepNode,
    StepTemplate,
)
from shared.runbook.placing import Kind

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Spot:
    """One template; ``step`` is whose it is, where it may see what earlier steps found."""

    place: Place
    text: str
    kind: Kind
    step: StepTemplate | None = None


def spots(content: RunbookFile) -> Iterator[Spot]:
    """Every template, in the order of the file."""
    for index, step in enumerate(content.steps):
        at: Place = ("steps", index)
        yield from _spoken(at, step)
        if isinstance(step, IncludeTemplate):
            for name, given in step.given.items():
                yield from _given((*at, "with", name), given)
        else:
            yield from _action(at, step)
    for index, check in enumerate(content.verify):
        at = ("verify", index)
        match check:
            case HttpTemplate(url=url, contains=contains):
                yield Spot((*at, "url"), url, Kind.URL)
                if contains is not None:
                    yield Spot((*at, "contains"), contains, Kind.TEXT)
            case CommandTemplate(target=target, run=run):
                yield Spot((*at, "target"), target, Kind.NAME)
                yield Spot((*at, "run"), run, Kind.COMMAND)
            case PrometheusTemplate(query=query):
                yield Spot((*at, "query"), query, Kind.QUERY)


def _spoken(at: Place, step: StepNode) -> Iterator[Spot]:
    own = step if isinstance(step, StepTemplate) else None
    if step.title is not None:
        yield Spot((*at, "title"), step.title, Kind.TEXT, own)
    if step.expect is not None:
        yield Spot((*at, "expect"), step.expect, Kind.TEXT, own)


def _action(at: Place, step: StepTemplate) -> Iterator[Spot]:
    yield Spot((*at, "target"), step.target, Kind.NAME, step)
    yield Spot((*at, "run"), step.run, Kind.COMMAND, step)
    if step.check is not None:
        yield Spot((*at, "check"), step.check, Kind.COMMAND, step)
    if step.rollback is not None:
        yield Spot((*at, "rollback", "run"), step.rollback.run, Kind.COMMAND, step)
    if step.foreach is not None and not isinstance(step.foreach.items, str):
        for position, item in enumerate(step.foreach.items):
            yield from _given((*at, "foreach", "items", position), item)


def _given(place: Place, given: object) -> Iterator[Spot]:
    """Texts within what is passed on, which may be templates."""
    if isinstance(given, str):
        yield Spot(place, given, Kind.TEXT)
    elif isinstance(given, list):
        for position, item in enumerate(given):
            yield from _given((*place, position), item)
