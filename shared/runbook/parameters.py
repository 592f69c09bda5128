"""A parameter as a runbook declares it."""

import re
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shared.events import ValueType
from shared.runbook.part import Part, Text
from shared.runbook.values import Value, WrongTypeError, text_of, typed

#: What of an alert, or of what was gathered about it, a parameter is taken from.
Origin = Annotated[
    str,
    Field(pattern=r"^(labels|annotations|evidence)\..+$|^(name|source|title|fingerprint)$"),
]


class Param(Part):
    """A value that is taken from the alert or the evidence.

    ``pattern`` is met by the whole text, or by each item of a list. Without a default it is
    required, unless it says otherwise. An empty label is a missing one.
    """

    type: ValueType = ValueType.STRING
    origin: Origin | None = Field(None, alias="from")
    required: bool | None = None
    pattern: Text | None = None
    one_of: tuple[Text, ...] = ()
    min: float | None = None
    max: float | None = None
    separator: Text = ","
    default: Any = None
    strip_port: bool = False
    about: str = Field("", description="What it is, for people.")
    changeable: bool = Field(
        default=True,
        description="Whether people who are asked about a step may give it another value there.",
    )

    @field_validator("one_of", mode="after")
    @classmethod
    def _several(cls, one_of: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("type") is ValueType.ENUM and not one_of:
            raise ValueError("say which values there are")
        return one_of

    @field_validator("default", mode="after")
    @classmethod
    def _fits_type(cls, default: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("type")
        if default is None or kind is None:
            return default
        texts = (ValueType.STRING, ValueType.ENUM, ValueType.DURATION)
        if kind in texts and isinstance(default, bool | int | float):
            raise ValueError(
                f"a text is expected, and YAML reads this as {default!r}: put it in quotes"
            )
        try:
            return typed(default, kind, separator=info.data.get("separator", ","))
        except WrongTypeError as error:
            raise ValueError(f"{default!r} {error}") from None

    @model_validator(mode="after")
    def _makes_sense(self) -> "Param":
        if self.origin is None and self.default is None:
            raise ValueError("say `from`, such as labels.job, or a `default`")
        if self.required and self.default is not None:
            raise ValueError("with a `default` it is never missing: drop that or `required`")
        if self.type is ValueType.ENUM and not self.one_of:
            raise ValueError("say with `one_of` which values there are")
        if self.one_of and self.type not in (ValueType.ENUM, ValueType.STRING):
            raise ValueError(f"`one_of` goes with a text, this is of type {self.type}")
        if (self.min, self.max) != (None, None) and not self.is_number:
            raise ValueError(f"`min` and `max` go with a number, this is of type {self.type}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("`min` is greater than `max`")
        if self.pattern is not None and self.type not in (ValueType.STRING, ValueType.LIST):
            raise ValueError(f"`pattern` goes with texts and lists, this is of type {self.type}")
        return self

    @property
    def is_number(self) -> bool:
        return self.type in (ValueType.INTEGER, ValueType.NUMBER)

    @property
    def must_be_there(self) -> bool:
        return self.default is None and self.required is not False

    @property
    def chosen_by_author(self) -> bool:
        """Whether its author said which texts it may be, so that it may name a program."""
        return self.pattern is not None or bool(self.one_of)

    @property
    def formed_by_author(self) -> bool:
        """Whether its author knows how it may begin, so that it may look like an option."""
        fixed = self.type in (ValueType.BOOLEAN, ValueType.DURATION) or self.min is not None
        return self.chosen_by_author or fixed

    def wrong_with(self, value: Value) -> str:
        """Why a value of its type is none of its values; empty where it is one."""
        items = value if isinstance(value, list) else [text_of(value)]
        for item in items:
            if self.pattern is not None and not re.fullmatch(self.pattern, item):
                return f"is not what its pattern allows ({self.pattern})"
            if self.one_of and item not in self.one_of:
                return f"is none of {', '.join(self.one_of)}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.min is not None and value < self.min:
                return f"is less than {self.min:g}"
            if self.max is not None and value > self.max:
                return f"is more than {self.max:g}"
        return ""
