"""Requests to an HTTP API: the action is the method.

Where it goes (scheme, host, port, and what stands before each path) and who asks (its credentials)
belong to the target, so that no value of an alert decides about them.
"""

import re
from typing import Annotated, ClassVar, Final
from urllib.parse import unquote

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from shared.calls.call import Call, Reads
from shared.lifecycle import Effect

#: What the connector or the target's section sets.
_OWN_HEADERS: Final = frozenset(
    (
        *("authorization", "connection", "content-length", "cookie", "expect", "host"),
        *("idempotency-key", "proxy-authorization", "te", "trailer", "transfer-encoding"),
        "upgrade",
    )
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_BAD_PATH: Final = re.compile(r"[^\x21-\x7e]|[\\#\"<>^`{|}]|%(?![0-9A-Fa-f]{2})")
_LONGEST_PATH: Final = 8000


def _path(path: str) -> str:
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError("begins with one /: the host is the target's")
    if len(path) > _LONGEST_PATH:
        raise ValueError(f"is longer than {_LONGEST_PATH} characters")
    if found := _BAD_PATH.search(path):
        raise ValueError(f"has {found[0]!r}, which no path has: percent-encode it")
    pieces = path.partition("?")[0].split("/")
    if any(unquote(piece) in (".", "..") for piece in pieces):
        raise ValueError("has . or .. as a piece, which would lead elsewhere")
    return path


def _headers(headers: dict[str, str]) -> dict[str, str]:
    seen = set()
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"{name} is set by the target's section or the connector")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} has characters that no header has")
        if name.lower() in seen:
            raise ValueError(f"{name} is there twice")
        seen.add(name.lower())
    return headers


def _status(given: object) -> object:
    return given if isinstance(given, list | tuple) else (given,)


def _paths(expected: dict[str, JsonValue]) -> dict[str, JsonValue]:
    for path in expected:
        try:
            jmespath.compile(path)
        except JMESPathError as error:
            raise ValueError(f"{path!r} is no JMESPath: {str(error).splitlines()[0]}") from None
    return expected


Status = Annotated[int, Field(ge=100, le=599)]


class Expected(BaseModel):
    """What the answer has to be.

    ``json`` has values that JMESPath expressions have to come to. A text stands for a number or a
    boolean that is written so, since what a runbook puts in is a text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    status: Annotated[tuple[Status, ...], BeforeValidator(_status)] = Field(
        (), description="One or several; any from 200 to 299 where it is not said."
    )
    values: Annotated[dict[str, JsonValue], AfterValidator(_paths)] = Field({}, alias="json")
    contains: str | None = Field(None, min_length=1)


class _Request(Call):
    """A request; ``path`` is put behind the URL of the target."""

    has_dry_run: ClassVar = True

    path: Annotated[str, Reads.PATH, AfterValidator(_path)] = Field(
        description="Begins with /; may have a query, which is better given as `query`."
    )
    query: dict[str, str | int | float | bool] = Field({})
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field({})
    expect: Expected = Expected()


class _Sending(_Request):
    """A request with a body: one of ``json``, ``form`` and ``body``."""

    json_body: JsonValue = Field(None, alias="json")
    form: dict[str, str | int | float | bool] | None = None
    body: str | None = Field(None, description="Sent as UTF-8; say what it is in `content-type`.")

    @model_validator(mode="after")
    def _one_body(self) -> "_Sending":
        if len({"json_body", "form", "body"} & self.model_fields_set) > 1:
            raise ValueError("has one body: json, form or body")
        return self


class Get(_Request):
    """Look at something."""

    action: ClassVar = "GET"
    effect: ClassVar = Effect.READ_ONLY


class Head(_Request):
    """Look whether something is there."""

    action: ClassVar = "HEAD"
    effect: ClassVar = Effect.READ_ONLY


class Post(_Sending):
    """Ask for something to be done; a search may be declared ``read_only``."""

    action: ClassVar = "POST"
    may_only_look: ClassVar = True


class Put(_Sending):
    """Put something in its place."""

    action: ClassVar = "PUT"
    effect: ClassVar = Effect.IDEMPOTENT


class Patch(_Sending):
    """Change a part of something."""

    action: ClassVar = "PATCH"


class Delete(_Sending):
    """Take something away."""

    action: ClassVar = "DELETE"
    effect: ClassVar = Effect.IDEMPOTENT


ACTIONS: Final[tuple[type[Call], ...]] = (Get, Head, Post, Put, Patch, Delete)
