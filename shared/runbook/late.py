"""Texts that are written when the steps they depend on have ended.

They are put together by exactly the rules of the other texts: each value is quoted for its place,
whatever it looks like, and no value is ever read as a template.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from shared.errors import HandrailError
from shared.events import Foreach, Late, OnFailure, Step
from shared.runbook.expressions import single
from shared.runbook.languages import kind_of
from shared.runbook.placing import Patterned, placed, prepared
from shared.runbook.quoting import ValueRefusedError, checked
from shared.runbook.template import Found, Named, Placeholder, ValueMissingError, cut
from shared.runbook.values import ITEMS_MOST, text_of
from shared.runbook.why import renamed

#: What steps found, by their ids and the names of the outputs; values as templates have them.
Outputs = Mapping[str, Mapping[str, Any]]


class UnrenderedError(HandrailError):
    """A template, named by ``where``, has no value, or one that cannot be put there."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where


def written(step: Step, outputs: Outputs) -> Step:
    """The step with all of its texts.

    Raises:
        UnrenderedError: a value is not there, or cannot be put where it should.
    """
    if step.late is None:
        return step
    return _filled(step, step.late, values_of(step.late, outputs))


def items(step: Step, outputs: Outputs) -> list[str]:
    """The items of a ``foreach`` that were not known to the plan.

    Raises:
        UnrenderedError: there is no such list, or it is longer than its limit.
    """
    rule, late = step.foreach, step.late
    if rule is None or late is None:
        return []
    return listed(rule, values_of(late, outputs), f"step {step.id}, foreach")


def expanded(step: Step, found: Sequence[str], outputs: Outputs) -> tuple[Step, ...]:
    """The steps of the items, with all of their texts.

    Raises:
        UnrenderedError: see ``written``.
    """
    if step.foreach is None or step.late is None:
        return ()
    values, rule = values_of(step.late, outputs), step.foreach
    made = []
    for index, item in enumerate(found):
        part = _filled(of_item(step, rule, index), step.late, {**values, rule.item: item})
        made.append(called(part, step, rule, item))
    return tuple(made)


def called(part: Step, group: Step, rule: Foreach, item: str) -> Step:
    """The step of an item with a title that says which it is of; the group's is still a template.

    An item is put behind the title as it is: what a stranger wrote is never read as a template.
    """
    title = part.title if rule.item in cut(group.title).names else f"{part.title} ({item})"
    return part.model_copy(update={"title": title, "why": renamed(group, title)})


def of_item(step: Step, rule: Foreach, index: int) -> Step:
    """The step of one item, whose texts are still the templates of all."""
    needs: tuple[str, ...] = ()
    if rule.at_once is not None and index >= rule.at_once:
        needs = (f"{step.id}[{index - rule.at_once}]",)
    return step.model_copy(
        update={
            "id": f"{step.id}[{index}]",
            "parent": step.id,
            "needs": needs,
            "join": type(step.join).ALL,
            "when": None,
            "foreach": None,
            "goto": None,
            "on_failure": OnFailure.STOP if step.goto else step.on_failure,
            "late": None,
        }
    )


def listed(rule: Foreach, values: Mapping[str, Any], where: str) -> list[Any]:
    """The items that an expression comes to.

    Raises:
        UnrenderedError: it comes to no list, or to one that is too long.
    """
    with located(where):
        found = _single(rule.items).raw(values)
    if not isinstance(found, list | tuple):
        raise UnrenderedError(where, f"{rule.items} is no list")
    if len(found) > min(rule.limit, ITEMS_MOST):
        raise UnrenderedError(
            where, f"{rule.items} has {len(found)} items, and its limit is {rule.limit}"
        )
    with located(where):
        return [_item(one) for one in found]


def values_of(late: Late, outputs: Outputs) -> dict[str, Any]:
    """What late templates see: what the plan gave them, and what the steps of their scope found."""
    steps = {
        id_.removeprefix(late.scope): Found(
            f"{id_} has", {"outputs": Found(f"{id_} found no", found)}
        )
        for id_, found in outputs.items()
        if id_.startswith(late.scope)
    }
    values: dict[str, Any] = {"steps": Found("there is no step", steps)}
    for name, value in late.values.items():
        if name in ("labels", "annotations"):
            values[name] = Named(name.removesuffix("s"), value)
        else:
            values[name] = placed(value, patterned=name in late.patterned)
    return values


@contextmanager
def located(where: str) -> Iterator[None]:
    try:
        yield
    except (ValueMissingError, ValueRefusedError) as error:
        raise UnrenderedError(where, str(error)) from error


def _filled(step: Step, late: Late, values: Mapping[str, Any]) -> Step:
    texts: dict[str, Any] = {"late": None}
    for field, template in late.templates.items():
        with located(f"step {step.id}, {field}"):
            texts[field] = prepared(template, kind_of(field, step.uses)).render(values)
    if "title" in texts:
        texts["why"] = renamed(step, texts["title"])
    return step.model_copy(update=texts)


def _single(expression: str) -> Placeholder:
    found = single(expression)
    if found is None:
        raise ValueMissingError(f"{expression} is no expression")
    return found


def _item(one: Any) -> Any:
    if isinstance(one, str):
        return Patterned(checked(one)) if isinstance(one, Patterned) else checked(one)
    if isinstance(one, int | float):
        return text_of(one)
    raise ValueMissingError("an item is no text")
