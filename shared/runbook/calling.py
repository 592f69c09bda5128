"""What is checked of the calls in a runbook: actions, arguments, values that are written out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from shared.calls.call import Call, Reads, arguments, named, reads, reason
from shared.calls.families import FAMILIES
from shared.lifecycle import Effect
from shared.runbook.interpreters import Word, reread
from shared.runbook.model import CallTemplate, RunbookFile
from shared.runbook.spots import Place
from shared.runbook.steps import CallStep, CallText, PlaceStep
from shared.runbook.template import Placeholder, cut
from shared.yamlsource import Problem, Source


@dataclass(frozen=True)
class Calls:
    """The calls of one runbook."""

    content: RunbookFile
    source: Source

    def problems(self) -> Iterator[Problem]:
        for index, step in enumerate(self.content.steps):
            if isinstance(step, CallStep | PlaceStep):
                for place, call in step.calls():
                    at: Place = ("steps", index, *place)
                    yield from self._call(at, step.uses, call, step.effect)
        for index, check in enumerate(self.content.verify):
            if isinstance(check, CallTemplate):
                at = ("verify", index)
                yield from self._call(at, check.uses, check.call(), Effect.READ_ONLY)

    def _call(self, at: Place, uses: str, call: CallText, effect: Effect) -> Iterator[Problem]:
        family = FAMILIES.get(uses, ())
        model = named(family, call.action)
        if model is None:
            message = f"{uses} has no action {call.action}{_near(call.action, family)}"
            yield self.source.problem((*at, "action"), message)
            return
        if wrong := _effect(at, effect, model):
            yield self.source.problem((*at, "action"), wrong)
        yield from self._arguments(at, model, call.given)

    def _arguments(
        self, at: Place, model: type[Call], given: Mapping[str, Any]
    ) -> Iterator[Problem]:
        yield from self._validated(at, model, given)
        for name, value in given.items():
            if reads(model, name) is Reads.ARGUMENTS and isinstance(value, list):
                yield from self._program((*at, "with", name), value)

    def _validated(
        self, at: Place, model: type[Call], given: Mapping[str, Any]
    ) -> Iterator[Problem]:
        try:
            model.model_validate(given)
        except ValidationError as error:
            for detail in error.errors():
                yield from self._argument(at, model, given, detail)

    def _argument(
        self, at: Place, model: type[Call], given: Mapping[str, Any], detail: Any
    ) -> Iterator[Problem]:
        where: Place = detail["loc"]
        if detail["type"] == "extra_forbidden" and len(where) == 1:
            name, known = str(where[0]), list(arguments(model))
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}"
            message = f"{model.action} has no argument {name}: {hint}"
        elif detail["type"] != "missing" and _filled_later(given, where):
            return
        else:
            name = ".".join(map(str, where))
            message = f"{name}: {reason(model, detail)}" if name else reason(model, detail)
        # What is missing has no place of its own: it is told at the action.
        missing = detail["type"] == "missing" and len(where) == 1
        place = (*at, "action") if missing or not where else (*at, "with", *where)
        yield self.source.problem(place, message)

    def _program(self, place: Place, words: Sequence[Any]) -> Iterator[Problem]:
        """Whether a program in a list of arguments reads one of them as code."""
        read = [_word(word) for word in words if isinstance(word, str)]
        for placeholder, (where, hint) in reread(read):
            written = "{{ " + placeholder.expression + " }}"
            index = next(i for i, word in enumerate(read) if placeholder in word.placeholders)
            yield self.source.problem((*place, index), f"{written} stands {where}: {hint}")


def _effect(at: Place, effect: Effect, model: type[Call]) -> str:
    if at[-1] == "check" and model.effect is not Effect.READ_ONLY:
        return f"a check only looks, and {model.action} changes something"
    own = at[-1] not in ("check", "rollback")
    changes = model.effect is not Effect.READ_ONLY and not model.may_only_look
    if own and changes and effect is Effect.READ_ONLY:
        return f"{model.action} changes something: it cannot be read_only"
    return ""


def _near(action: str, family: Sequence[type[Call]]) -> str:
    known = [one.action for one in family]
    near = get_close_matches(action, known, n=1)
    if near:
        return f": did you mean {near[0]}?"
    return f": there are {', '.join(known)}" if known else ""


def _filled_later(given: Any, where: Place) -> bool:
    """Whether what is wrong is, or has in it, a text that has no values yet."""
    node = given
    for part in where:
        inside = (isinstance(node, dict) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        )
        node = node[part] if inside else node
    return _has_placeholders(node)


def _has_placeholders(node: Any) -> bool:
    match node:
        case str():
            return bool(cut(node).placeholders)
        case dict():
            return any(map(_has_placeholders, node.values()))
        case list() | tuple():
            return any(map(_has_placeholders, node))
    return False


def _word(argument: str) -> Word:
    word = Word(quoted=True)
    for part in cut(argument).parts:
        if isinstance(part, Placeholder):
            word.placeholders.append(part)
            word.text += "\0"
        else:
            word.text += part.text
    return word
