"""Where in a runbook templates stand, and what each of them makes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from shared.calls.call import Reads, named, reads
from shared.calls.families import FAMILIES
from shared.runbook.languages import language
from shared.runbook.model import (
    CallTemplate,
    CommandTemplate,
    HttpTemplate,
    PrometheusTemplate,
    RunbookFile,
    SqlTemplate,
)
from shared.runbook.node import StepNode
from shared.runbook.placing import CallOf, Kind
from shared.runbook.steps import (
    AnyStep,
    CallStep,
    CallText,
    CommandStep,
    IncludeTemplate,
    PlaceStep,
    ScriptStep,
    SqlStep,
    StepTemplate,
)

Place = tuple[str | int, ...]

_READS: Final = {
    Reads.TEXT: Kind.TEXT,
    Reads.PATH: Kind.PATH,
    Reads.SHELL: Kind.COMMAND,
    Reads.ARGUMENTS: Kind.ARGUMENT,
    Reads.LITERAL: Kind.LITERAL,
}


@dataclass(frozen=True)
class Spot:
    """One template; ``step`` is whose it is, where it may see what earlier steps found.

    ``item`` is what it may call an item of its step's ``foreach``.
    """

    place: Place
    text: str
    kind: Kind | CallOf
    step: StepTemplate | None = None
    item: str = ""


def spots(content: RunbookFile) -> Iterator[Spot]:
    """Every template, in the order of the file."""
    for index, step in enumerate(content.steps):
        yield from _of_step(("steps", index), step)
    for index, check in enumerate(content.verify):
        at = ("verify", index)
        match check:
            case HttpTemplate(url=url, contains=contains):
                yield Spot((*at, "url"), url, Kind.URL)
                if contains is not None:
                    yield Spot((*at, "contains"), contains, Kind.TEXT)
            case (
                CommandTemplate(target=target, run=run, uses=uses)
                | SqlTemplate(target=target, run=run, uses=uses)
            ):
                yield Spot((*at, "target"), target, Kind.NAME)
                yield Spot((*at, "run"), run, language(uses))
            case CallTemplate(target=target, uses=uses):
                yield Spot((*at, "target"), target, Kind.NAME)
                yield from _arguments(at, uses, check.call())
            case PrometheusTemplate(query=query):
                yield Spot((*at, "query"), query, Kind.QUERY)


def _of_step(at: Place, step: AnyStep) -> Iterator[Spot]:
    rule = step.foreach
    for spot in (*_spoken(at, step), *_done(at, step)):
        yield spot if rule is None else replace(spot, item=rule.item)
    if rule is not None and not isinstance(rule.items, str):
        yield from _given((*at, "foreach", "items"), list(rule.items))


def _done(at: Place, step: AnyStep) -> Iterator[Spot]:
    if not isinstance(step, IncludeTemplate):
        yield from _action(at, step)
        return
    for name, given in step.given.items():
        yield from _given((*at, "with", name), given)


def _spoken(at: Place, step: StepNode) -> Iterator[Spot]:
    own = step if isinstance(step, StepTemplate) else None
    if step.title is not None:
        yield Spot((*at, "title"), step.title, Kind.TEXT, own)
    if step.expect is not None:
        yield Spot((*at, "expect"), step.expect, Kind.TEXT, own)


def _action(at: Place, step: StepTemplate) -> Iterator[Spot]:
    if step.target:
        yield Spot((*at, "target"), step.target, Kind.NAME, step)
    yield from _run(at, step)


def _run(at: Place, step: StepTemplate) -> Iterator[Spot]:
    match step:
        case CommandStep() | SqlStep():
            kind = language(step.uses)
            yield Spot((*at, "run"), step.run, kind, step)
            if step.check is not None:
                yield Spot((*at, "check"), step.check, kind, step)
            if step.rollback is not None:
                yield Spot((*at, "rollback", "run"), step.rollback.run, kind, step)
        case ScriptStep():
            for place, script in step.scripts():
                for position, argument in enumerate(script.args):
                    yield Spot((*at, *place, "args", position), argument, Kind.ARGUMENT, step)
        case CallStep() | PlaceStep():
            for place, call in step.calls():
                yield from _arguments((*at, *place), step.uses, call, step)


def _arguments(
    at: Place, uses: str, call: CallText, step: StepTemplate | None = None
) -> Iterator[Spot]:
    model = named(FAMILIES.get(uses, ()), call.action)
    for name, given in call.given.items():
        kind = _READS[reads(model, name)] if model is not None else Kind.TEXT
        yield from _leaves((*at, "with", name), given, kind, step)


def _leaves(place: Place, given: object, kind: Kind, step: StepTemplate | None) -> Iterator[Spot]:
    """The texts within an argument; names inside it are no templates."""
    match given:
        case str():
            yield Spot(place, given, kind, step)
        case dict():
            for name, inside in given.items():
                yield from _leaves((*place, name), inside, kind, step)
        case list():
            for position, inside in enumerate(given):
                yield from _leaves((*place, position), inside, kind, step)


def _given(place: Place, given: object) -> Iterator[Spot]:
    """Texts within what is passed on, which may be templates."""
    if isinstance(given, str):
        yield Spot(place, given, Kind.TEXT)
    elif isinstance(given, list):
        for position, item in enumerate(given):
            yield from _given((*place, position), item)
