"""What vendors' fields have in common: they may be null, and their names become labels."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

_NOT_SNAKE: Final = re.compile(r"[^a-z0-9]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Wire(BaseModel):
    """A part of a vendor's payload: the fields that are used, others may stand beside them.

    Numbers are taken where a text is expected: which of the two an id is differs by version.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


def _no_null(value: object) -> object:
    return "" if value is None else value


def _no_null_list(value: object) -> object:
    return () if value is None else value


#: A text that may be null, which is the empty one.
Text = Annotated[str, BeforeValidator(_no_null)]
#: Texts that may be null, which is none.
Texts = Annotated[tuple[Text, ...], BeforeValidator(_no_null_list)]


def labelled(named: Mapping[str, str]) -> dict[str, str]:
    """The names in lower_snake_case with their texts, without the empty ones."""
    snake = {_snake(name): text for name, text in named.items() if text}
    return {name: text for name, text in snake.items() if name}


def _snake(name: str) -> str:
    return _NOT_SNAKE.sub("_", _HUMP.sub("_", name).lower()).strip("_")
