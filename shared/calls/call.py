"""A call: one action with its arguments, as a text that people approve and machines read.

The first line is the action. Each argument has a line of its own, in the order of the model, its
value as JSON:

    rollout_restart
    kind: "deployment"
    name: "api"

A family (``shared.calls.families``) has one model an action. A field says how what takes it reads
it, where that is not as plain text: ``commands: Annotated[tuple[str, ...], Reads.SHELL]``.
"""

import json
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from shared.complaints import complaint
from shared.errors import PermanentError
from shared.lifecycle import Effect

_SHOWN: Final = 60


class MalformedCallError(PermanentError):
    """A text is no call of its family; says what to change. Nothing was done."""


class Reads(Enum):
    """How what takes an argument reads it, which is how a runbook's values are put into it."""

    TEXT = auto()
    """As it is."""
    PATH = auto()
    """As the path of a URL: each value is percent-encoded, and is one piece of it."""
    SHELL = auto()
    """As commands of a POSIX shell: each value is one quoted word."""
    ARGUMENTS = auto()
    """As a program and its arguments: a value must not look like an option."""
    LITERAL = auto()
    """Nothing of it comes from a value: the author of the runbook writes it out."""


class Call(BaseModel):
    """One action; its fields are the arguments.

    Attributes:
        action: what it is called, unique in its family.
        effect: what doing it a second time means, where the runbook does not say.
        may_only_look: a runbook may declare it ``read_only`` although it is not by itself.
        has_dry_run: whether its connector can show beforehand what it would do.
        saves_plan: whether exactly that is done then; people do not agree to it unseen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    action: ClassVar[str]
    effect: ClassVar[Effect] = Effect.ONCE
    may_only_look: ClassVar[bool] = False
    has_dry_run: ClassVar[bool] = False
    saves_plan: ClassVar[bool] = False

    def text(self) -> str:
        """The canonical text: what was given, in the order of the model; ``parsed`` reads it."""
        given = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return written(self.action, ((name, as_json(value)) for name, value in given.items()))


def written(action: str, arguments: Iterable[tuple[str, str]]) -> str:
    """The text of an action and its arguments, whose values are JSON on one line."""
    return "\n".join((action, *(f"{name}: {value}" for name, value in arguments)))


def as_json(value: Any) -> str:
    """A value of JSON on one line.

    Raises:
        ValueError: it is none (NaN, infinity).
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def parsed(actions: Iterable[type[Call]], text: str) -> Call:
    """The call that a text is, of the actions of one family.

    Raises:
        MalformedCallError: see there.
    """
    first, *lines = text.strip("\n").split("\n")
    model = named(actions, first.strip())
    if model is None:
        known = ", ".join(one.action for one in actions)
        raise MalformedCallError(f"there is no action {_shown(first)}: there are {known}")
    given: dict[str, Any] = {}
    for line in lines:
        name, value = _argument(line)
        if name in given:
            raise MalformedCallError(f"{name} is there twice: once is enough")
        given[name] = value
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise MalformedCallError(f"{model.action}: {wrong_with(model, error)}") from error


def named(actions: Iterable[type[Call]], action: str) -> type[Call] | None:
    """The model of an action."""
    return next((one for one in actions if one.action == action), None)


def arguments(model: type[Call]) -> Mapping[str, FieldInfo]:
    """The arguments of an action, by the names that runbooks use, in order."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def reads(model: type[Call], argument: str) -> Reads:
    """How an argument is read."""
    field = arguments(model).get(argument)
    found = field.metadata if field is not None else ()
    return next((one for one in found if isinstance(one, Reads)), Reads.TEXT)


def wrong_with(model: type[Call], error: ValidationError) -> str:
    """What is wrong with the arguments of an action, without their values."""
    return "; ".join(
        f"{'.'.join(map(str, detail['loc']))}: {reason(model, detail)}".removeprefix(": ")
        for detail in error.errors()
    )


def reason(model: type[Call], detail: Any) -> str:
    """One detail of a validation, in words."""
    if detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1:
        known = ", ".join(arguments(model)) or "none"
        return f"{model.action} has no such argument (it has: {known})"
    return complaint(detail)


def _argument(line: str) -> tuple[str, Any]:
    name, colon, value = line.partition(": ")
    if not colon:
        raise MalformedCallError(f"{_shown(line)} is no argument: write name: and its JSON value")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        raise MalformedCallError(f"the value of {_shown(name)} is no JSON on one line") from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
