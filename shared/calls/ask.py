"""Asking people: a form whose answers become outputs of the step."""

import re
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.calls.call import Call, Reads
from shared.lifecycle import Effect

_FIELDS_MOST: Final = 20
_TEXT_MOST: Final = 1000
_INTEGER: Final = re.compile(r"[+-]?\d{1,18}")
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")
_YES_OR_NO: Final = re.compile(r"yes|no|true|false")

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


def _usable(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return pattern


class FieldKind(StrEnum):
    """What may be answered."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"


class FormField(BaseModel):
    """One thing that is asked for; without a default it has to be answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: FieldKind = FieldKind.TEXT
    title: str = Field("", max_length=_TEXT_MOST)
    pattern: Annotated[str, AfterValidator(_usable)] | None = Field(
        None, description="What the whole answer has to be."
    )
    options: tuple[str, ...] = Field((), description="What there is to choose from.")
    default: str | int | float | bool | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "FormField":
        if (self.type is FieldKind.CHOICE) != bool(self.options):
            raise ValueError("`options` are what a field of type choice has, and only that")
        if self.pattern is not None and self.type is not FieldKind.TEXT:
            raise ValueError(f"`pattern` goes with a text, this is of type {self.type}")
        if self.options and self.default is not None and self.default not in self.options:
            raise ValueError("the default is none of the options")
        return self

    def answered(self, given: str) -> str | int | float | bool:
        """What somebody wrote into the field, as a value of its type.

        Raises:
            ValueError: it is none; says what to change.
        """
        value = given.strip()
        if value:
            return self._typed(value)
        if self.default is None:
            raise ValueError("has to be answered")
        return self.default

    def _typed(self, value: str) -> str | int | float | bool:
        match self.type:
            case FieldKind.INTEGER:
                return int(_fitting(_INTEGER, value, "is no whole number"))
            case FieldKind.NUMBER:
                return float(_fitting(_NUMBER, value, "is no number"))
            case FieldKind.BOOLEAN:
                return _fitting(_YES_OR_NO, value.lower(), "is yes or no") in ("yes", "true")
            case FieldKind.CHOICE:
                if value not in self.options:
                    raise ValueError(f"is one of {', '.join(self.options)}")
                return value
        wanted = re.compile(self.pattern or r"(?s:.*)")
        if len(value) > _TEXT_MOST:
            raise ValueError(f"is longer than {_TEXT_MOST} characters")
        return _fitting(wanted, value, f"is not what is asked for ({self.pattern})")


def _fitting(wanted: re.Pattern[str], value: str, otherwise: str) -> str:
    if not wanted.fullmatch(value):
        raise ValueError(otherwise)
    return value


class Form(Call):
    """Ask people a question; what they answer are outputs of the step, by the fields' names."""

    action: ClassVar = "form"
    effect: ClassVar = Effect.READ_ONLY

    question: str = Field(min_length=1, max_length=_TEXT_MOST)
    fields: dict[FieldName, FormField] = Field(min_length=1, max_length=_FIELDS_MOST)
    people: Annotated[tuple[str, ...], Reads.LITERAL] = Field(
        (), alias="from", description="Addresses, teams, on-call; everybody where it is empty."
    )


ACTIONS: Final[tuple[type[Call], ...]] = (Form,)
