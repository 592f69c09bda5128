"""Values as senders write them, made fit for use."""

import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict

from services.ingest.normal import Time

_LOCAL: Final = re.compile(r"(\d{4}-\d\d-\d\d[ T][\d:.]{5,20}) ?(UTC|Z|[+-]\d\d:?\d\d)?")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_SNAKE: Final = re.compile(r"[^a-z0-9]+")


class Wire(BaseModel):
    """A part of a vendor's payload: the fields that are used, others may stand beside them.

    Numbers are taken where a text is expected: which of the two an id is differs by version.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


def _text(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _no_null_list(value: object) -> object:
    return () if value is None else value


def _no_null_dict(value: object) -> object:
    return {} if value is None else value


def _zoned(value: object) -> object:
    if value in (0, "0"):
        return None
    said = _LOCAL.fullmatch(value) if isinstance(value, str) else None
    if said is None:
        return value
    zone = said[2] or "UTC"
    return said[1] + ("Z" if zone == "UTC" else zone)


#: A text; null is none, and a number or a boolean is what JSON writes for it.
Text = Annotated[str, BeforeValidator(_text)]

#: Makes a tuple of anything one that may be null, which is none.
Nullable: Final = BeforeValidator(_no_null_list)

#: Texts that may be null, which is none.
Texts = Annotated[tuple[Text, ...], Nullable]

#: Texts by their names; null is none.
Named = Annotated[dict[str, Text], BeforeValidator(_no_null_dict)]

#: A time that counts as UTC where it names no zone; zero seconds since 1970 are no time.
LooseTime = Annotated[Time, BeforeValidator(_zoned)]


def host_of(url: str) -> str:
    """The host that a URL names; empty where it names none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def present(labels: dict[str, str]) -> dict[str, str]:
    """The labels that say something."""
    return {name: text for name, text in labels.items() if text}


def labelled(named: Mapping[str, str]) -> dict[str, str]:
    """The names in lower_snake_case with their texts, without the empty ones."""
    snake = {_snake(name): text for name, text in named.items() if text}
    return {name: text for name, text in snake.items() if name}


def _snake(name: str) -> str:
    return _NOT_SNAKE.sub("_", _HUMP.sub("_", name).lower()).strip("_")
