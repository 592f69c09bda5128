"""Other values for one step of a plan: which parameters it uses, and its texts with them.

The texts are filled again by the rules by which the plan's were filled: the same templates of the
same text of the runbook, each value judged as its parameter's and quoted for its place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import HandrailError
from shared.events import Alert, Changeable, ChangeableField, Late
from shared.runbook.expressions import needs_outputs
from shared.runbook.filling import usable
from shared.runbook.languages import kind_of
from shared.runbook.late import UnrenderedError, located, values_of
from shared.runbook.model import ALERT_NAMES
from shared.runbook.parameters import Param
from shared.runbook.placing import prepared
from shared.runbook.runbook import Runbook
from shared.runbook.steps import IncludeTemplate, StepTemplate
from shared.runbook.template import cut
from shared.runbook.values import Value, WrongTypeError, text_of

#: Longer values are for files, and nobody reads them in a command.
LONGEST: Final = 1000
#: What is run, and where; the other texts are for people.
_ACTIONS: Final = ("target", "run", "check", "rollback")


class UnfitChangeError(HandrailError):
    """A step cannot have these values; the text says what to change."""


@dataclass(frozen=True)
class Form:
    """What may be changed of one step of a runbook, whatever the values are.

    ``prefix`` stands before the names of the parameters of an included runbook in a plan;
    ``params`` are those in the texts, and ``labels`` says that labels of the alert are, too.
    ``blank`` has no values yet.
    """

    prefix: str
    params: tuple[str, ...]
    labels: bool
    blank: Changeable

    def filled(self, values: Mapping[str, Any], alert: Alert) -> Changeable:
        """The form with the values that a plan has, by their names in it.

        It is made for each question, so nothing is checked that was checked when it was made.
        """
        found = {
            name: values[self.prefix + name]
            for name in self.params
            if values.get(self.prefix + name) is not None
        }
        fields = [
            field.model_copy(update={"value": _shown(found.get(field.name, ""), field)})
            for field in self.blank.fields
        ]
        if self.labels:
            found |= {"labels": alert.labels, "annotations": alert.annotations}
        late = self.blank.texts.model_copy(update={"values": found})
        return self.blank.model_copy(update={"fields": tuple(fields), "texts": late})


def form_of(runbook: Runbook, step_id: str) -> Form | None:
    """What may be changed of a step of a plan that was made from this runbook; None if nothing.

    That is so of a step whose texts use no parameter, whose texts wait for what earlier steps
    find, and of one that stands for an item of a ``foreach``.
    """
    found = _template(runbook, step_id, "")
    if found is None:
        return None
    inner, template, prefix = found
    texts = _texts(template)
    actions = [text for name, text in texts.items() if name in _ACTIONS]
    if any(needs_outputs(text) for text in actions):
        return None
    known = {name: text for name, text in texts.items() if not needs_outputs(text)}
    params = inner.content.params
    run, told = _names(actions), _names(known.values())
    fields = tuple(
        _field(name, param) for name, param in params.items() if name in run and param.changeable
    )
    formed = (name for name, param in params.items() if name in told and param.formed_by_author)
    late = Late(templates=known, patterned=tuple(sorted(formed)), scope=prefix)
    used = tuple(name for name in params if name in told)
    blank = Changeable(fields=fields, texts=late)
    return Form(prefix, used, bool(told & ALERT_NAMES), blank) if fields else None


def fitted(changeable: Changeable, given: Mapping[str, str]) -> dict[str, Value | None]:
    """The values that differ from what they are, each as what its parameter is declared to be.

    None is an optional one that is left out.

    Raises:
        UnfitChangeError: one is unknown, or is not what it should be, or nothing differs.
    """
    fields = {field.name: field for field in changeable.fields}
    if unknown := sorted(given.keys() - fields.keys()):
        raise UnfitChangeError(
            f"{', '.join(unknown)} cannot be changed here, but {', '.join(fields)}"
        )
    said = {name: given[name].strip() for name in fields if name in given}
    wanted = {name: text for name, text in said.items() if text != fields[name].value}
    wrong: list[str] = []
    values: dict[str, Value | None] = {}
    for name, text in wanted.items():
        try:
            value = _typed(fields[name], text)
        except WrongTypeError as error:
            wrong.append(f"{name}: {error}")
            continue
        if _said(value, fields[name]) != fields[name].value:
            values[name] = value
    if wrong:
        raise UnfitChangeError("; ".join(wrong))
    if not values:
        raise UnfitChangeError("every value is as it was: change one, or answer yes or no")
    return values


def texts_with(
    changeable: Changeable, uses: str, values: Mapping[str, Value | None]
) -> dict[str, str]:
    """The texts of the step, by the names of its fields, with other values in them.

    Raises:
        UnfitChangeError: a value cannot be put where it would stand.
    """
    late = changeable.texts
    merged = {**late.values, **values}
    kept = {name: value for name, value in merged.items() if value is not None}
    seen = values_of(late.model_copy(update={"values": kept}), {})
    made: dict[str, str] = {}
    try:
        for field, template in late.templates.items():
            with located(field):
                made[field] = prepared(template, kind_of(field, uses)).render(seen)
    except UnrenderedError as error:
        raise UnfitChangeError(str(error)) from error
    return made


def changed_values(
    changeable: Changeable, values: Mapping[str, Value | None]
) -> Iterator[tuple[str, str, str]]:
    """Each parameter that gets another value: its name, what it was, and what it is to be."""
    for field in changeable.fields:
        if field.name in values:
            yield field.name, field.value, _said(values[field.name], field)


def _template(
    runbook: Runbook, step_id: str, prefix: str
) -> tuple[Runbook, StepTemplate, str] | None:
    """The template of a step, the runbook that it stands in, and what is before its names."""
    for step in runbook.content.steps:
        own = prefix + step.id
        if isinstance(step, StepTemplate):
            if own == step_id and step.foreach is None:
                return runbook, step, prefix
        elif isinstance(step, IncludeTemplate) and step_id.startswith(f"{own}."):
            inner = runbook.included.get(step.runbook)
            found = _template(inner, step_id, f"{own}.") if inner else None
            if found is not None:
                return found
    return None


def _texts(template: StepTemplate) -> dict[str, str]:
    """Its texts that have placeholders: the others are the same with all values."""
    texts = {
        "title": template.title,
        "expects": template.expect,
        "target": template.target,
        **template.actions()._asdict(),
    }
    return {name: text for name, text in texts.items() if text and cut(text).placeholders}


def _names(texts: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(cut(text).names for text in texts))


def _field(name: str, param: Param) -> ChangeableField:
    return ChangeableField(
        name=name,
        about=param.about,
        type=param.type,
        required=param.default is not None or param.must_be_there,
        pattern=param.pattern,
        options=param.one_of,
        min=param.min,
        max=param.max,
        separator=param.separator,
    )


def _shown(value: Value, field: ChangeableField) -> str:
    if isinstance(value, str):
        return value
    return field.separator.join(value) if isinstance(value, list) else text_of(value)


def _said(value: Value | None, field: ChangeableField) -> str:
    return "" if value is None else _shown(value, field)


def _typed(field: ChangeableField, text: str) -> Value | None:
    """The value that a text means.

    Raises:
        WrongTypeError: says why there is no such value.
    """
    if not text:
        if field.required:
            raise WrongTypeError("may not be empty")
        return None
    if len(text) > LONGEST:
        raise WrongTypeError(f"is longer than {LONGEST} characters")
    param = Param.model_validate(
        {
            "from": "name",
            "type": field.type,
            "pattern": field.pattern,
            "one_of": field.options,
            "min": field.min,
            "max": field.max,
            "separator": field.separator,
        }
    )
    return usable(param, text)
