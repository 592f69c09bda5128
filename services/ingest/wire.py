"""Values as senders write them, made fit for use."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from services.ingest.normal import Time

_LOCAL: Final = re.compile(r"(\d{4}-\d\d-\d\d[ T][\d:.]{5,20}) ?(UTC|Z|[+-]\d\d:?\d\d)?")


def _text(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _zoned(value: object) -> object:
    if value in {0, "0"}:
        return None
    said = _LOCAL.fullmatch(value) if isinstance(value, str) else None
    if said is None:
        return value
    zone = said[2] or "UTC"
    return said[1] + ("Z" if zone == "UTC" else zone)


#: A text; null is none, and a number or a boolean is what JSON writes for it.
Text = Annotated[str, BeforeValidator(_text)]

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
